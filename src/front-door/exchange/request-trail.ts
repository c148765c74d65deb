import { decodeHeader } from '../vhost/syntax/byte-text.ts'

/** An attempt at a server. */
export interface UpstreamAttempt {
  /** Address and port. */
  readonly address: string
  readonly startedAt: number
  /** True if the attempt is of another location than the one before: an internal redirect lies between them. */
  readonly isAfterRedirect: boolean
  /** Status of the answer, or the one that replaces a missing answer; 0 while there is none. */
  status: number
  /** Milliseconds until the head of the answer; undefined while there is none. */
  headMs: number | undefined
  /** Head of the answer: names and values in turn. */
  head: readonly (Buffer | string)[]
}

/** Course of a request so far. All internal redirects of a request share one. */
export interface RequestTrail {
  readonly startedAt: number
  /**
   * Status of the answer, whatever is sent: that of the error whose page is served. 0: its own (nginx's `err_status`).
   */
  errorStatus: number
  /** True if an `error_page` was followed, without `recursive_error_pages` beside it: a second one is not. */
  hasErrorPage: boolean
  /** True once counted: `limit_req` and `limit_conn` count a request once. */
  hasCountedRates: boolean
  hasCountedConnections: boolean
  /**
   * `refused`: too large; `sent`: given to an upstream, at least in part. Only a body that is `here` can still be sent.
   */
  body: 'here' | 'refused' | 'sent'
  readonly attempts: UpstreamAttempt[]
}

/** The trail of a request that just came. */
export function beginTrail(): RequestTrail {
  return {
    startedAt: performance.now(),
    errorStatus: 0,
    hasErrorPage: false,
    hasCountedRates: false,
    hasCountedConnections: false,
    body: 'here',
    attempts: [],
  }
}

/** Notes an attempt at a server. `isFirst`: the first of its location. */
export function beginAttempt(
  { attempts }: RequestTrail,
  { host, port }: { host: string; port: number },
  isFirst: boolean,
): UpstreamAttempt {
  const attempt = {
    address: `${host.includes(':') ? `[${host}]` : host}:${port}`,
    startedAt: performance.now(),
    isAfterRedirect: isFirst,
    status: 0,
    headMs: undefined,
    head: [],
  }
  attempts.push(attempt)
  return attempt
}

/** Notes the answer of a server, or the status that replaces it after a failure. */
export function noteAnswer(attempt: UpstreamAttempt, status: number, head: UpstreamAttempt['head']): void {
  attempt.status = status
  attempt.head = head
  attempt.headMs = performance.now() - attempt.startedAt
}

/** The status of the answer for a status that is about to be sent. */
export function sentStatus({ errorStatus }: RequestTrail, status: number): number {
  return errorStatus === 0 ? status : errorStatus
}

/**
 * Variables about the answer, as far as it is known: `$status`, `$request_time`, `$upstream_…`. Undefined: another
 * variable. Several attempts are listed as in nginx, with `, ` between servers and ` : ` at an internal redirect.
 */
export function trailVariable(trail: RequestTrail, name: string): string | undefined {
  switch (name) {
    case 'status':
      return String(trail.errorStatus).padStart(3, '0')
    case 'request_time':
      return seconds(performance.now() - trail.startedAt)
    case 'upstream_status':
      return row(trail, ({ status }) => (status === 0 ? '-' : String(status)))
    case 'upstream_addr':
      return row(trail, ({ address }) => address)
    case 'upstream_header_time':
    case 'upstream_response_time':
      return row(trail, ({ headMs }) => (headMs === undefined ? '-' : seconds(headMs)))
    default:
      return name.startsWith('upstream_') ? ofLastAnswer(trail, name.slice('upstream_'.length)) : undefined
  }
}

function ofLastAnswer({ attempts }: RequestTrail, name: string): string | undefined {
  const head = attempts.at(-1)?.head ?? []
  if (name.startsWith('http_')) return readHeader(head, name.slice('http_'.length))
  return name.startsWith('cookie_') ? readCookie(head, name.slice('cookie_'.length)) : undefined
}

/** A header by its name in variables; several are joined. */
export function readHeader(head: readonly (Buffer | string)[], name: string): string {
  const values: string[] = []
  for (let index = 0; index < head.length; index += 2) {
    if (String(head[index]).toLowerCase().replaceAll('-', '_') === name)
      values.push(toText(head[index + 1] ?? ''))
  }
  return values.join(', ')
}

function toText(value: Buffer | string): string {
  return decodeHeader(typeof value === 'string' ? value : value.toString('latin1'))
}

function readCookie(head: readonly (Buffer | string)[], name: string): string {
  for (let index = 0; index < head.length; index += 2) {
    if (String(head[index]).toLowerCase() !== 'set-cookie') continue
    const [pair = ''] = toText(head[index + 1] ?? '').split(';', 1)
    const at = pair.indexOf('=')
    if (pair.slice(0, at).trim().toLowerCase() === name.toLowerCase()) return pair.slice(at + 1).trim()
  }
  return ''
}

function row({ attempts }: RequestTrail, read: (attempt: UpstreamAttempt) => string): string {
  return attempts
    .map((attempt, index) => `${index === 0 ? '' : attempt.isAfterRedirect ? ' : ' : ', '}${read(attempt)}`)
    .join('')
}

/** A time in nginx's form: `0.004`. */
function seconds(ms: number): string {
  return (Math.max(0, Math.round(ms)) / 1_000).toFixed(3)
}
