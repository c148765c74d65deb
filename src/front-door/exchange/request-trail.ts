import { textOfHeader } from '../vhost/syntax/byte-text.ts'

/** A server that was asked for an answer. */
export interface UpstreamAttempt {
  /** Address and port. */
  readonly address: string
  readonly startedAt: number
  /** The attempt is of another location than the one before: an internal redirect lies between them. */
  readonly isAfterRedirect: boolean
  /** Of the answer, or the one that stands for its absence; 0 while there is none. */
  status: number
  /** Milliseconds until the head of the answer; undefined while there is none. */
  headMs: number | undefined
  /** Head of the answer: names and values in turn. */
  head: readonly (Buffer | string)[]
}

/** What became of a request so far. All internal redirects of a request share one. */
export interface RequestTrail {
  readonly startedAt: number
  /** Status that the answer gets, whatever is sent: that of the error whose page is served. 0: its own (nginx's `err_status`). */
  errorStatus: number
  /** An `error_page` was followed, without `recursive_error_pages` beside it: no second one is. */
  hasErrorPage: boolean
  /** `limit_req` and `limit_conn` count a request once. */
  hasCountedRates: boolean
  hasCountedConnections: boolean
  /** Whether the body can still be sent: it was refused as too large, or given to an upstream, at least in part. */
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

/** Notes that a server is asked. `isFirst`: by its location. */
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

/** Notes what a server answered, or the status that stands for its failure. */
export function noteAnswer(attempt: UpstreamAttempt, status: number, head: UpstreamAttempt['head']): void {
  attempt.status = status
  attempt.head = head
  attempt.headMs = performance.now() - attempt.startedAt
}

/** The status that is sent where one is about to be answered. */
export function sentStatus({ errorStatus }: RequestTrail, status: number): number {
  return errorStatus === 0 ? status : errorStatus
}

/**
 * Variables about the answer, as far as it has come: `$status`, `$request_time`, `$upstream_…`. undefined: another
 * variable. Several attempts stand in a row as in nginx, with `, ` between servers and ` : ` at an internal redirect.
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
  if (name.startsWith('http_')) return headerOf(head, name.slice('http_'.length))
  return name.startsWith('cookie_') ? cookieOf(head, name.slice('cookie_'.length)) : undefined
}

/** A header by its name as variables write it; several are joined. */
export function headerOf(head: readonly (Buffer | string)[], name: string): string {
  const values: string[] = []
  for (let index = 0; index < head.length; index += 2) {
    if (String(head[index]).toLowerCase().replaceAll('-', '_') === name)
      values.push(textOf(head[index + 1] ?? ''))
  }
  return values.join(', ')
}

function textOf(value: Buffer | string): string {
  return textOfHeader(typeof value === 'string' ? value : value.toString('latin1'))
}

function cookieOf(head: readonly (Buffer | string)[], name: string): string {
  for (let index = 0; index < head.length; index += 2) {
    if (String(head[index]).toLowerCase() !== 'set-cookie') continue
    const [pair = ''] = textOf(head[index + 1] ?? '').split(';', 1)
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

/** As nginx writes a time: `0.004`. */
function seconds(ms: number): string {
  return (Math.max(0, Math.round(ms)) / 1_000).toFixed(3)
}
