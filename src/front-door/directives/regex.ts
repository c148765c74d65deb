/** Longest regular expression, in characters. */
const MAX_PATTERN_LENGTH = 1_024
/** Longest text that one is tried on, in characters: a longer one does not match. */
export const MAX_SUBJECT_LENGTH = 2_048
/**
 * A repeated group that repeats inside: `(a+)+`. On a text that almost matches, the engine tries every way to share it
 * out, which takes longer than the world lasts.
 */
const NESTED_REPEAT = /\((?:[^()\\]|\\.)*(?:[+*]|\{\d+,\d*\})(?:[^()\\]|\\.)*\)(?:[+*]|\{\d+,\d*\})/

/** A regular expression of nginx (PCRE) as one of JavaScript. */
export type RegexResult = { readonly regex: RegExp } | { readonly problem: string }

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
    return { regex: new RegExp(source, isCaseInsensitive || hasInlineFlag ? 'i' : '') }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

/** Tries it on a text of bounded length. */
export function matchRegex(regex: RegExp, text: string): RegExpExecArray | null {
  return text.length > MAX_SUBJECT_LENGTH ? null : regex.exec(text)
}
