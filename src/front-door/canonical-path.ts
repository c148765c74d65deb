/** Longest request target looked at: the listener's bound on headers is larger only by what else stands there. */
const MAX_TARGET_LENGTH = 16_384
/** What needs no second look: no escapes, no dots or slashes in a row, nothing outside ASCII letters and the usual signs. */
const PLAIN = /^(?:\/(?!\.)[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*)*\/?$/
/** Visible ASCII, which is all that a target is made of (RFC 9112 section 3.2). */
const VISIBLE = /^[\x21-\x7e]*$/
/** What could be read in two ways, or end a line of a log or of a request. */
const REFUSED = /%(?:2f|5c|0\d|0[a-f]|1[0-9a-f]|7f)|\\/i

/** A request target taken apart. */
export interface CanonicalTarget {
  /** Decoded once, without `.`, `..` and empty segments: what routes and rules are matched against. */
  readonly path: string
  /** Without the question mark; empty if there is none. */
  readonly query: string
  /** The path as it came, bytes beyond ASCII escaped: what an upstream is asked unless something rewrites it. */
  readonly rawPath: string
}

/**
 * The one canonical path of a request, on which it is routed and on which access is decided, as nginx makes it:
 * escapes decoded once, `//` merged, `.` and `..` resolved.
 *
 * What an upstream could read otherwise than we do is refused: an escaped slash or backslash, control characters, a
 * `..` above the root, escapes that are none or are no UTF-8.
 * @returns undefined for what is refused.
 */
export function parseTarget(target: string): CanonicalTarget | undefined {
  if (target.length > MAX_TARGET_LENGTH || !target.startsWith('/')) return undefined
  const visible = VISIBLE.test(target) ? target : escapeBytes(target)
  if (visible === undefined || visible.includes('#')) return undefined
  const question = visible.indexOf('?')
  const rawPath = question < 0 ? visible : visible.slice(0, question)
  const query = question < 0 ? '' : visible.slice(question + 1)
  const path = PLAIN.test(rawPath) ? rawPath : canonicalize(rawPath)
  return path === undefined ? undefined : { path, query, rawPath }
}

/** Some clients send UTF-8 as it is, which arrives here byte by byte. undefined for control characters and spaces. */
function escapeBytes(target: string): string | undefined {
  if (/[^\x21-\x7e\x80-\xff]/.test(target)) return undefined
  return target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

function canonicalize(rawPath: string): string | undefined {
  if (REFUSED.test(rawPath)) return undefined
  const decoded = decode(rawPath)
  if (decoded === undefined) return undefined
  const segments: string[] = []
  const parts = decoded.split('/').slice(1)
  for (const part of parts) {
    if (part === '' || part === '.') continue
    if (part !== '..') segments.push(part)
    else if (segments.pop() === undefined) return undefined
  }
  const last = parts.at(-1)
  const endsInSlash = last === '' || last === '.' || last === '..'
  return segments.length === 0 ? '/' : `/${segments.join('/')}${endsInSlash ? '/' : ''}`
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    // Not an escape, or no UTF-8.
    return undefined
  }
}
