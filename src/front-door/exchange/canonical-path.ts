import { decodePath } from '../vhost/syntax/byte-text.ts'
import { findReadings } from './path-readings.ts'

/** Longest request target read: the listener's bound on headers includes the rest of the head. */
const MAX_TARGET_LENGTH = 16_384
/**
 * Targets that need no further work: no escapes, no dots or slashes in a row, only ASCII letters and the usual
 * characters.
 */
const PLAIN = /^(?:\/(?!\.)[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*\/?$/
/** Visible ASCII, the only characters of a target (RFC 9112 section 3.2). */
const VISIBLE = /^[\x21-\x7e]*$/
/** A segment of dots, with or without the parameter that Java's servers cut off. */
const DOTS = /^\.{1,2}(?:;|$)/
const ESCAPED_SEPARATOR = /%(?:2f|5c)/i

/** A parsed request target. */
export interface CanonicalTarget {
  /** Decoded once, without `.`, `..` and empty segments: the path for routes and rules. */
  readonly path: string
  /** Without the question mark; empty if there is none. */
  readonly query: string
  /** The same path with its original escapes: the one sent to an upstream unless it is rewritten. */
  readonly rawPath: string
  /** Further paths that some server may read in `rawPath`; undefined: there is none. */
  readonly readings: readonly string[] | undefined
}

/** A target that is refused, and the reason: half a sentence for the log. */
export interface RefusedTarget {
  readonly refused: string
  /** Status of the answer; 400 if undefined. */
  readonly status?: number
}

/**
 * The one canonical path of a request: it is routed by it, access is decided by it, and an upstream gets it. As in
 * nginx: escapes decoded once, an escaped slash a slash, `//` merged unless `mergeSlashes` is false (then only at the
 * begin), `.` and `..` resolved.
 *
 * Refused are targets that an upstream would read otherwise, whatever the rules of the host: see docs/front-door.md.
 * Possible other readings are in `readings`, for the checks of rules.
 */
export function parseTarget(
  target: string,
  { mergeSlashes = true }: { mergeSlashes?: boolean } = {},
): CanonicalTarget | RefusedTarget {
  if (target.length > MAX_TARGET_LENGTH)
    return { refused: `it is longer than ${MAX_TARGET_LENGTH} characters`, status: 414 }
  if (!target.startsWith('/')) return { refused: 'it does not begin with a slash' }
  const visible = VISIBLE.test(target) ? target : escapeBytes(target)
  if (visible === undefined) return { refused: 'it holds a space or a control character' }
  if (visible.includes('#')) return { refused: 'it holds a "#" that is not escaped' }
  const question = visible.indexOf('?')
  const rawPath = question < 0 ? visible : visible.slice(0, question)
  const query = question < 0 ? '' : visible.slice(question + 1)
  if (PLAIN.test(rawPath)) return { path: rawPath, query, rawPath, readings: undefined }
  const refused = findReason(rawPath)
  if (refused !== undefined) return { refused }
  const resolved = resolveSegments(rawPath, mergeSlashes)
  if (typeof resolved !== 'string') return resolved
  return { ...findReadings(resolved, mergeSlashes), query, rawPath: resolved }
}

/**
 * Escapes UTF-8 that some clients send unescaped, which arrives here byte by byte. Undefined for control characters and
 * spaces.
 */
function escapeBytes(target: string): string | undefined {
  if (/[^\x21-\x7e\x80-\xff]/.test(target)) return undefined
  return target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/\\/, 'it holds a backslash that is not escaped'],
  [/%(?![0-9a-f]{2})/i, 'it holds a "%" that begins no escape'],
  [/%(?:[01][0-9a-f]|7f)/i, 'it holds an escaped control character'],
  // ASCII written in two, three or four bytes: careless decoders take it for the character itself.
  [/%c[01]%[89ab][0-9a-f]|%e0%[89][0-9a-f]%|%f0%8[0-9a-f]%/i, 'it holds an overlong form of UTF-8'],
]

function findReason(rawPath: string): string | undefined {
  return REASONS.find(([pattern]) => pattern.test(rawPath))?.[1]
}

/** Removes dots and empty segments, by the decoded segments; the others stay as written. */
function resolveSegments(rawPath: string, mergeSlashes: boolean): string | RefusedTarget {
  const parts = rawPath.split('/').slice(1)
  const kept: string[] = []
  let isSlashLast = false
  for (const part of parts) {
    const decoded = decodePath(part)
    isSlashLast = decoded === '' || decoded === '.' || decoded === '..'
    if (decoded === '.') continue
    if (decoded === '') {
      if (!mergeSlashes && kept.length > 0) kept.push(part)
    } else if (decoded === '..') {
      const left = kept.pop()
      if (left === undefined) return { refused: 'it leads above the root' }
      if (ESCAPED_SEPARATOR.test(left)) return BESIDE_DOTS
    } else {
      if (DOTS.test(decoded)) return { refused: 'it holds a segment of dots with a parameter, such as "..;"' }
      if (ESCAPED_SEPARATOR.test(part) && decoded.split(/[/\\]/).some((inner) => DOTS.test(inner)))
        return BESIDE_DOTS
      kept.push(part)
    }
  }
  if (/^%(?:2f|5c)/i.test(kept[0] ?? '')) return { refused: 'it begins with an escaped slash or backslash' }
  // With slashes unchanged, the last empty segment means the slash at the end.
  if (!mergeSlashes && parts.at(-1) === '' && kept.at(-1) === '') kept.pop()
  return kept.length === 0 ? '/' : `/${kept.join('/')}${isSlashLast ? '/' : ''}`
}

const BESIDE_DOTS: RefusedTarget = {
  refused: 'it holds an escaped slash or backslash beside a segment of dots',
}
