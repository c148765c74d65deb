import { matchRegex, type Pattern, type RegexMatch } from '../regex/regex.ts'
import { decodeHeader } from '../syntax/byte-text.ts'
import { CLIENT_VARIABLES } from './client-variables.ts'
import type { RequestFacts } from './plan.ts'

/** State of a request while it is routed. */
export interface RewriteState {
  readonly request: RequestFacts
  /** Name of the host as declared. */
  readonly serverName: string
  uri: string
  args: string
  /** True once path or arguments were changed: then an upstream gets the changed ones. */
  isRewritten: boolean
  /** True if a location must be chosen again (nginx's `uri_changed`). */
  isMoved: boolean
  /**
   * True if the path still begins with that of the location: false after `rewrite … break` (nginx's `valid_location`).
   */
  isWithinLocation: boolean
  /** True if it was rewritten, or is an internal redirect: then `internal` locations are open. */
  isInternal: boolean
  /** True if a location was chosen. */
  isInLocation: boolean
  /** Host and port of the location's `proxy_pass`; undefined: none. */
  proxyAuthority: string | undefined
  /** True if a text was too long for a regular expression: the match is unknown, so nothing is served. */
  isTooLong: boolean
  /** Of the last regular expression that matched. */
  captures: RegexMatch | undefined
  /** Made by `set` and by named groups; undefined while there are none. */
  values: Map<string, string> | undefined
  /** Variables of the plan that an internal redirect comes from. */
  readonly before: ((name: string) => string) | undefined
}

type Read = (state: RewriteState) => string

/** Variables with the same values as in nginx; those after the blank line are made by nginx-proxy's own template. */
const VARIABLES: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['args', ({ args }) => args],
  ['binary_remote_addr', ({ request }) => request.remoteAddress],
  ['content_length', ({ request }) => readHeader(request, 'content-length')],
  ['content_type', ({ request }) => readHeader(request, 'content-type')],
  ['document_uri', ({ uri }) => uri],
  ['host', ({ request }) => request.host],
  ['hostname', ({ serverName }) => serverName],
  ['http2', ({ request }) => (request.protocol === 'HTTP/2.0' ? 'h2' : '')],
  ['http_host', ({ request }) => readHeader(request, 'host')],
  ['https', ({ request }) => (request.scheme === 'https' ? 'on' : '')],
  ['is_args', ({ args }) => (args === '' ? '' : '?')],
  ['limit_rate', () => '0'],
  ['body_bytes_sent', () => '0'],
  ['bytes_sent', () => '0'],
  ['pipe', () => '.'],
  ['request_completion', () => ''],
  ['proxy_host', ({ proxyAuthority = '' }) => proxyAuthority.replace(/:80$/, '')],
  ['proxy_port', ({ proxyAuthority }) => readPort(proxyAuthority)],
  ['msec', () => (Date.now() / 1_000).toFixed(3)],
  ['nginx_version', () => ''],
  ['proxy_add_x_forwarded_for', forwardedFor],
  ['query_string', ({ args }) => args],
  ['realip_remote_addr', ({ request }) => request.remoteAddress],
  ['remote_addr', ({ request }) => request.remoteAddress],
  ['remote_port', ({ request }) => String(request.remotePort)],
  ['remote_user', ({ request }) => readUser(readHeader(request, 'authorization'))],
  ['request', ({ request }) => `${request.method} ${request.requestUri} ${request.protocol}`],
  ['request_id', ({ request }) => request.requestId],
  ['request_method', ({ request }) => request.method],
  ['request_uri', ({ request }) => request.requestUri],
  ['scheme', ({ request }) => request.scheme],
  ['server_name', ({ serverName }) => serverName],
  ['server_port', ({ request }) => String(request.serverPort)],
  ['server_protocol', ({ request }) => request.protocol],
  ['time_iso8601', () => new Date().toISOString()],
  ['time_local', () => new Date().toUTCString()],
  ['uri', ({ uri }) => uri],

  ...CLIENT_VARIABLES.map(([name, of]) => [name, ({ request }: RewriteState) => of(request)] as const),

  ['host_port', ({ request }) => portSuffix(request)],
  ['proxy_connection', ({ request }) => (readHeader(request, 'upgrade') === '' ? '' : 'upgrade')],
  ['proxy_upgrade', ({ request }) => readHeader(request, 'upgrade')],
  ['proxy_x_forwarded_for', forwardedFor],
  [
    'proxy_x_forwarded_host',
    ({ request }) => trustedHeader(request, 'x-forwarded-host') || readHeader(request, 'host'),
  ],
  [
    'proxy_x_forwarded_port',
    ({ request }) =>
      trustedHeader(request, 'x-forwarded-port') || String(request.visitorPort ?? request.serverPort),
  ],
  ['proxy_x_forwarded_proto', ({ request }) => trustedHeader(request, 'x-forwarded-proto') || request.scheme],
  ['proxy_x_forwarded_ssl', ({ request }) => (request.scheme === 'https' ? 'on' : 'off')],
])

/** Known only with an answer, from which they are read. */
const LATER =
  /^(?:upstream_\w+|sent_http_\w+|sent_trailer_\w+|status|request_time|request_length|connection|connection_requests)$/
const BY_PREFIX = /^(?:[0-9]|http_\w+|arg_\w+|cookie_\w+)$/

/** Variables with a fixed name that are known before there is an answer. */
export const VARIABLE_NAMES: readonly string[] = [...VARIABLES.keys()]

/** True if a variable has a meaning without a vhost file that sets it. */
export function isKnownVariable(name: string): boolean {
  return VARIABLES.has(name) || BY_PREFIX.test(name) || LATER.test(name)
}

/** Known to nginx, and always empty here. */
const UNFILLED =
  /^(?:request_length|connection|connection_requests|sent_trailer_\w+|upstream_(?:trailer_\w+|connect_time|response_length|bytes_\w+|cache_status|queue_time|last_server_name))$/

/** True if a variable of nginx is always empty here. */
export function isUnfilledVariable(name: string): boolean {
  return UNFILLED.test(name)
}

/** True if `set` must not change a variable, since it describes the request. */
export function isFixedVariable(name: string): boolean {
  return name !== 'args' && name !== 'limit_rate' && (VARIABLES.has(name) || LATER.test(name))
}

/** The value of a variable for a request; empty if there is none. */
export function readVariable(state: RewriteState, name: string): string {
  const made = state.values?.get(name)
  if (made !== undefined) return made
  const read = VARIABLES.get(name)
  if (read) return read(state)
  if (name.length === 1 && name >= '0' && name <= '9') return state.captures?.captures[Number(name)] ?? ''
  if (name.startsWith('http_')) return readHeader(state.request, name.slice(5).replaceAll('_', '-'))
  if (name.startsWith('arg_')) return readArgument(state.args, name.slice(4))
  if (name.startsWith('cookie_')) return readCookie(readHeader(state.request, 'cookie'), name.slice(7))
  return state.request.late?.(name) ?? state.before?.(name) ?? ''
}

/** Sets a variable; `args` is the query itself. */
export function writeVariable(state: RewriteState, name: string, value: string): void {
  if (name === 'args') {
    state.args = value
    state.isRewritten = true
    return
  }
  state.values ??= new Map()
  state.values.set(name, value)
}

/**
 * Tries the regular expression of a step, and keeps its captures. Without a match there are none, as in nginx
 * (ngx_http_script_regex_start_code).
 */
export function tryPattern(state: RewriteState, pattern: Pattern, text: string): boolean {
  const isMatch = tryLocation(state, pattern, text)
  if (!isMatch) state.captures = undefined
  return isMatch
}

/** Tries that of a location: without a match the former captures stay (ngx_http_regex_exec). */
export function tryLocation(state: RewriteState, pattern: Pattern, text: string): boolean {
  const match = matchRegex(pattern, text)
  if (match === 'too-long') state.isTooLong = true
  if (match === undefined || match === 'too-long') return false
  state.captures = match
  if (match.groups) {
    state.values ??= new Map()
    for (const name of Object.keys(match.groups)) state.values.set(name, match.groups[name] ?? '')
  }
  return true
}

function readHeader({ headers }: RequestFacts, name: string): string {
  const value = headers[name]
  return decodeHeader(typeof value === 'string' ? value : (value?.join(', ') ?? ''))
}

/** The value of a header from a trusted proxy before us. */
function trustedHeader(request: RequestFacts, name: string): string {
  return request.isPeerTrusted ? readHeader(request, name) : ''
}

function forwardedFor({ request }: RewriteState): string {
  const before = trustedHeader(request, 'x-forwarded-for')
  return before === '' ? request.remoteAddress : `${before}, ${request.peerAddress ?? request.remoteAddress}`
}

function portSuffix({ serverPort }: RequestFacts): string {
  return serverPort === 80 || serverPort === 443 ? '' : `:${serverPort}`
}

/** Port of `proxy_pass`, whose host may be an address of IPv6. */
function readPort(authority: string | undefined): string {
  if (authority === undefined) return ''
  return /:(\d+)$/.exec(authority)?.[1] ?? '80'
}

/** The first argument of a name, undecoded, as in nginx. */
function readArgument(args: string, name: string): string {
  if (args === '') return ''
  const prefix = `${name.toLowerCase()}=`
  const found = args.split('&').find((pair) => pair.toLowerCase().startsWith(prefix))
  return found?.slice(prefix.length) ?? ''
}

function readCookie(header: string, name: string): string {
  if (header === '') return ''
  const prefix = `${name.toLowerCase()}=`
  const found = header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.toLowerCase().startsWith(prefix))
  return found?.slice(prefix.length) ?? ''
}

/** The name of a Basic log-in, checked or not. */
function readUser(authorization: string): string {
  const [, text] = /^basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? []
  return text === undefined ? '' : (Buffer.from(text, 'base64').toString('utf8').split(':', 1)[0] ?? '')
}
