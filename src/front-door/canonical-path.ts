/** Longest request target looked at: the listener's bound on headers is larger only by what else stands there. */
const MAX_TARGET_LENGTH = 16_384
/** What needs no second look: no escapes, no dots or slashes in a row, nothing outside ASCII letters and the usual signs. */
const PLAIN = /^(?:\/(?!\.)[\w~!$&'()*+,;=:@-][\w.~!$&'()*+,;=:@-]*)*\/?$/

/** A request target taken apart. */
export interface CanonicalTarget {
  /** Decoded once, without `.`, `..` and empty segments: what routes and rules are matched against. */
  readonly path: string
  /** Without the question mark; empty if there is none. */
  readonly query: string
  /** The path as it came: what an upstream is asked unless something rewrites it. */
  readonly rawPath: string
}

/**
 * The one canonical path of a request, on which it is routed and on which access is decided, as nginx makes it:
 * escapes decoded once, `//` merged, `.` and `..` resolved.
 *
 * What an upstream could read otherwise than we do is refused: an escaped slash, backslash or NUL, a `..` above the
 * root, escapes that are none or are no UTF-8.
 * @returns undefined for what is refused.
 */
export function parseTarget(target: string): CanonicalTarget | undefined {
  if (target.length > MAX_TARGET_LENGTH || !target.startsWith('/')) return undefined
  const question = target.indexOf('?')
  const rawPath = question < 0 ? target : target.slice(0, question)
  const query = question < 0 ? '' : target.slice(question + 1)
  if (rawPath.includes('#') || query.includes('#')) return undefined
  const path = PLAIN.test(rawPath) ? rawPath : canonicalize(rawPath)
  return path === undefined ? undefined : { path, query, rawPath }
}

function canonicalize(rawPath: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/%(?:2f|5c|00)|[\u0000-\u0020\u007f\\]/i.test(rawPath)) return undefined
  const decoded = decode(rawPath)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (decoded === undefined || /[\u0000-\u001f\u007f]/.test(decoded)) return undefined
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
