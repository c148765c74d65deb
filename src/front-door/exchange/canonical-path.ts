import { decodePath } from '../vhost/syntax/byte-text.ts'
import { readingsOf } from './path-readings.ts'

/** Longest request target looked at: the listener's bound on headers is larger only by what else stands there. */
const MAX_TARGET_LENGTH = 16_384
/** What needs no second look: no escapes, no dots or slashes in a row, nothing outside ASCII letters and the usual signs. */
const PLAIN = /^(?:\/(?!\.)[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*\/?$/
/** Visible ASCII, which is all that a target is made of (RFC 9112 section 3.2). */
const VISIBLE = /^[\x21-\x7e]*$/
/** A segment of dots, with or without the parameter that Java's servers cut off. */
const DOTS = /^\.{1,2}(?:;|$)/
const ESCAPED_SEPARATOR = /%(?:2f|5c)/i

/** A request target taken apart. */
export interface CanonicalTarget {
  /** Decoded once, without `.`, `..` and empty segments: what routes and rules are matched against. */
  readonly path: string
  /** Without the question mark; empty if there is none. */
  readonly query: string
  /** The same path with its escapes as they came: what an upstream is asked unless something rewrites it. */
  readonly rawPath: string
  /** Further paths that some server may read in `rawPath`; undefined: there is none. */
  readonly readings: readonly string[] | undefined
}

/** A target that is refused, and why: half a sentence for the log. */
export interface RefusedTarget {
  readonly refused: string
  /** Of the answer; 400 if undefined. */
  readonly status?: number
}

/**
 * The one canonical path of a request, on which it is routed, on which access is decided, and which goes to an
 * upstream. As nginx makes it: escapes decoded once, an escaped slash a slash, `//` merged unless `mergeSlashes` is
 * false (then only at the begin), `.` and `..` resolved.
 *
 * Refused is what an upstream would read otherwise, whatever the rules of the host: see docs/front-door.md. What may be
 * read otherwise is in `readings`, for whoever knows the rules.
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
  const refused = reasonOf(rawPath)
  if (refused !== undefined) return { refused }
  const resolved = resolveSegments(rawPath, mergeSlashes)
  if (typeof resolved !== 'string') return resolved
  return { ...readingsOf(resolved, mergeSlashes), query, rawPath: resolved }
}

/** Some clients send UTF-8 as it is, which arrives here byte by byte. undefined for control characters and spaces. */
function escapeBytes(target: string): string | undefined {
  if (/[^\x21-\x7e\x80-\xff]/.test(target)) return undefined
  return target.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/\\/, 'it holds a backslash that is not escaped'],
  [/%(?![0-9a-f]{2})/i, 'it holds a "%" that begins no escape'],
  [/%(?:[01][0-9a-f]|7f)/i, 'it holds an escaped control character'],
  // ASCII written in two, three or four bytes: careless decoders take it for the sign itself.
  [/%c[01]%[89ab][0-9a-f]|%e0%[89][0-9a-f]%|%f0%8[0-9a-f]%/i, 'it holds an overlong form of UTF-8'],
]

function reasonOf(rawPath: string): string | undefined {
  return REASONS.find(([pattern]) => pattern.test(rawPath))?.[1]
}

/** Takes dots and empty segments out, by what segments are once they are decoded; what is left stays as it is written. */
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
  // With slashes as they came, the last empty segment stands for the slash at the end.
  if (!mergeSlashes && parts.at(-1) === '' && kept.at(-1) === '') kept.pop()
  return kept.length === 0 ? '/' : `/${kept.join('/')}${isSlashLast ? '/' : ''}`
}

const BESIDE_DOTS: RefusedTarget = {
  refused: 'it holds an escaped slash or backslash beside a segment of dots',
}
