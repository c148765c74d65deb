import { replaceTokens } from './token-shapes.ts'

/** Text that replaces a secret in the log. */
export const REDACTED = '[redacted]'

/** Deepest nesting logged: deeper values are named by their type only, so that no object can make a line endless. */
const MAX_DEPTH = 5
/** Most members or entries logged of one object or list. */
const MAX_MEMBERS = 100
/** Longest text logged, in characters. */
const MAX_TEXT_LENGTH = 8192

/** Members never logged, whatever they hold; compared without case, dashes and underscores. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'wwwauthenticate',
  'cookie',
  'setcookie',
  'credentials',
  'password',
  'passwd',
  'passphrase',
  'passwordhash',
  'token',
  'accesstoken',
  'refreshtoken',
  'identitytoken',
  'idtoken',
  'clientsecret',
  'secret',
  'privatekey',
  'privatejwk',
  'apikey',
])

const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s"'<>]+)/gi
const QUERY_SECRET =
  /([?&\s"']|^)((?:access_|refresh_|id_)?token|password|passwd|client_secret|secret|signature|sig|code)=[^&\s"']+/gi
const SCHEME_SECRET = /\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}/gi
/** Matches each text that one of the patterns above could match: most texts match none, and are done with one look. */
const SUSPICIOUS = /:\/\/|=|bearer|basic/i

/**
 * A copy of the members of a log line without secrets: members with a secret's name are masked at any depth, texts go
 * through {@link redactText}, errors become plain objects, instances of other classes are replaced by their name.
 */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  return redactObject(fields, 0)
}

/**
 * A text without queries and user names in URLs, `Authorization` values, tokens and passwords in parameters, and
 * credentials of a known shape.
 */
export function redactText(text: string): string {
  const cut = text.length > MAX_TEXT_LENGTH ? `${text.slice(0, MAX_TEXT_LENGTH)}…` : text
  const masked = replaceTokens(cut, REDACTED)
  if (!SUSPICIOUS.test(masked)) return masked
  return masked
    .replace(URL_IN_TEXT, (_all, scheme: string, rest: string) => scheme + redactAuthority(rest))
    .replace(QUERY_SECRET, `$1$2=${REDACTED}`)
    .replace(SCHEME_SECRET, `$1 ${REDACTED}`)
}

/** A URL without user name and password; text that is no URL is returned unchanged. */
export function withoutUserInfo(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:)\/\/[^/?#]*@/i, `$1//${REDACTED}@`)
}

/** Drops the query, the fragment and, in the authority, everything up to the last `@`. */
function redactAuthority(rest: string): string {
  const withoutQuery = rest.replace(/[?#].*$/s, '')
  const slash = withoutQuery.indexOf('/')
  const authority = slash < 0 ? withoutQuery : withoutQuery.slice(0, slash)
  return authority.slice(authority.lastIndexOf('@') + 1) + withoutQuery.slice(authority.length)
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {}
  let count = 0
  for (const [name, value] of Object.entries(object)) {
    if (++count > MAX_MEMBERS) break
    copy[name] = isSecretName(name) && value !== undefined ? REDACTED : redactValue(value, depth + 1)
  }
  return copy
}

function isSecretName(name: string): boolean {
  return SECRET_NAMES.has(name) || SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''))
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return redactError(value, depth)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (depth > MAX_DEPTH) return `[${typeNameOf(value)}]`
  if (Array.isArray(value)) return value.slice(0, MAX_MEMBERS).map((entry) => redactValue(entry, depth + 1))
  const prototype: unknown = Object.getPrototypeOf(value)
  // Requests, sockets, buffers, maps: too large, and they may hold secrets.
  if (prototype !== Object.prototype && prototype !== null) return `[${typeNameOf(value)}]`
  return redactObject(value, depth)
}

function typeNameOf(value: object): string {
  const name: unknown = value.constructor?.name
  return typeof name === 'string' ? name : 'object'
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: redactText(error.message),
    ...(depth > MAX_DEPTH ? {} : redactObject({ ...error }, depth)),
    stack: redactText(error.stack ?? ''),
    ...(error.cause === undefined || depth > MAX_DEPTH ? {} : { cause: redactValue(error.cause, depth + 1) }),
  }
}
