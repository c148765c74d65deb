import type { RequestFacts } from './settings.ts'

/** What a request has become while it is routed. */
export interface RewriteState {
  readonly request: RequestFacts
  /** Name of the host as declared. */
  readonly serverName: string
  uri: string
  args: string
  /** Set once something changed path or arguments: then an upstream is asked for what they are now. */
  isRewritten: boolean
  /** Of the last regular expression that matched: numbers and names. */
  captures: RegExpExecArray | undefined
  /** Made by `set`; undefined while there is none. */
  values: Map<string, string> | undefined
}

type Read = (state: RewriteState) => string

/** Variables that are the same words in nginx. */
const VARIABLES: Readonly<Record<string, Read>> = {
  args: ({ args }) => args,
  binary_remote_addr: ({ request }) => request.remoteAddress,
  content_length: ({ request }) => headerOf(request, 'content-length'),
  content_type: ({ request }) => headerOf(request, 'content-type'),
  document_uri: ({ uri }) => uri,
  host: ({ request }) => request.host,
  hostname: ({ serverName }) => serverName,
  https: ({ request }) => (request.scheme === 'https' ? 'on' : ''),
  is_args: ({ args }) => (args === '' ? '' : '?'),
  msec: () => (Date.now() / 1_000).toFixed(3),
  proxy_add_x_forwarded_for: ({ request }) => {
    const before = headerOf(request, 'x-forwarded-for')
    return before === '' ? request.remoteAddress : `${before}, ${request.remoteAddress}`
  },
  query_string: ({ args }) => args,
  remote_addr: ({ request }) => request.remoteAddress,
  remote_port: ({ request }) => String(request.remotePort),
  remote_user: ({ request }) => userOf(headerOf(request, 'authorization')),
  request: ({ request }) => `${request.method} ${request.requestUri} ${request.protocol}`,
  request_id: ({ request }) => request.requestId,
  request_method: ({ request }) => request.method,
  request_uri: ({ request }) => request.requestUri,
  scheme: ({ request }) => request.scheme,
  server_name: ({ serverName }) => serverName,
  server_port: ({ request }) => String(request.serverPort),
  server_protocol: ({ request }) => request.protocol,
  time_iso8601: () => new Date().toISOString(),
  uri: ({ uri }) => uri,
  http_host: ({ request }) => headerOf(request, 'host'),
}

/** Known only once an upstream answered: whoever has the answer fills them in. */
const LATER =
  /^(?:upstream_|sent_http_|status$|body_bytes_sent$|bytes_sent$|request_time$|request_length$|proxy_)/

/** Whether a variable means something. `made` are those that `set` and named groups make. */
export function isKnownVariable(name: string, made: ReadonlySet<string>): boolean {
  return (
    name in VARIABLES ||
    made.has(name) ||
    /^(?:\d|http_\w+|arg_\w+|cookie_\w+)$/.test(name) ||
    LATER.test(name)
  )
}

/** The value of a variable for a request; empty where there is none. */
export function readVariable(state: RewriteState, name: string): string {
  const made = state.values?.get(name)
  if (made !== undefined) return made
  const read = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined
  if (read) return read(state)
  if (/^\d$/.test(name)) return state.captures?.[Number(name)] ?? ''
  const named = state.captures?.groups?.[name]
  if (named !== undefined) return named
  if (name.startsWith('http_')) return headerOf(state.request, name.slice(5).replaceAll('_', '-'))
  if (name.startsWith('arg_')) return argumentOf(state.args, name.slice(4))
  if (name.startsWith('cookie_')) return cookieOf(headerOf(state.request, 'cookie'), name.slice(7))
  return ''
}

function headerOf({ headers }: RequestFacts, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : (value?.join(', ') ?? '')
}

/** The first argument of a name, as it came: nginx does not decode it either. */
function argumentOf(args: string, name: string): string {
  const prefix = `${name.toLowerCase()}=`
  const found = args.split('&').find((pair) => pair.toLowerCase().startsWith(prefix))
  return found?.slice(prefix.length) ?? ''
}

function cookieOf(header: string, name: string): string {
  const prefix = `${name}=`
  const found = header
    .split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(prefix))
  return found?.slice(prefix.length) ?? ''
}

/** The name of a Basic log-in, whether or not it was checked. */
function userOf(authorization: string): string {
  const [, text] = /^basic ([A-Za-z0-9+/=]+)$/i.exec(authorization) ?? []
  return text === undefined ? '' : (Buffer.from(text, 'base64').toString('utf8').split(':', 1)[0] ?? '')
}
