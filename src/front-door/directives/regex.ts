/** Longest regular expression, in characters. */
const MAX_PATTERN_LENGTH = 1_024
/** Longest text that one is tried on, in characters: that of a request line or header. */
const MAX_SUBJECT_LENGTH = 16_384
/**
 * A repeated group that repeats inside: `(a+)+`. On a text that almost matches, the engine tries every way to share it
 * out, which takes longer than the world lasts.
 */
const NESTED_REPEAT = /\((?:[^()\\]|\\.)*(?:[+*]|\{\d+,\d*\})(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,\d*\})/

/** A regular expression with the length of text on which it is known to come to an end. */
export interface Pattern {
  readonly regex: RegExp
  readonly maxLength: number
}

/** A regular expression of nginx (PCRE) as one of JavaScript. */
export type RegexResult = Pattern | { readonly problem: string }

/** Translates a regular expression. What JavaScript reads otherwise, or may never finish, is refused. */
export function compileRegex(pattern: string, isCaseInsensitive: boolean): RegexResult {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return { problem: `the regular expression is longer than ${MAX_PATTERN_LENGTH} characters` }
  }
  const hasInlineFlag = pattern.startsWith('(?i)')
  const source = (hasInlineFlag ? pattern.slice('(?i)'.length) : pattern)
    .replace(/\(\?P?<(?![=!])/g, '(?<')
    .replace(/\\A/g, '^')
    .replace(/\\[zZ]/g, '$')
  if (/\(\?>|[*+?}]\+|\(\?[#|&R(]|\\[GKQEXRHhN]|\[\[:/.test(source)) {
    return { problem: 'the regular expression uses what is only in PCRE' }
  }
  if (NESTED_REPEAT.test(source)) {
    return { problem: 'the regular expression repeats what repeats itself, and could take for ever' }
  }
  try {
    return {
      regex: new RegExp(source, isCaseInsensitive || hasInlineFlag ? 'i' : ''),
      maxLength: MAX_SUBJECT_LENGTH,
    }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** Tries it on a text. @returns `too-long` for a text on which it might take too long. */
export function matchRegex({ regex, maxLength }: Pattern, text: string): RegExpExecArray | null | 'too-long' {
  return text.length > maxLength ? 'too-long' : regex.exec(text)
}
