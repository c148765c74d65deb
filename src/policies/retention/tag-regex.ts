import { createRequire } from 'node:module'

/** Longest regular expression, in characters. */
const MAX_LENGTH = 200
/** Visible characters: no tag has others, and the history of tags, in which the rule is written, cannot keep each of them. */
const VISIBLE = /^[ -~]+$/

/** True if a whole tag matches. */
type MatchTag = (tag: string) => boolean

/**
 * Compiles a regular expression by re2js, whose time grows with the text and never explodes; it is loaded with the first
 * one, which takes some 40 ms and 5 MB. It matches the whole tag, with or without `^` and `$` around it. Undefined if it
 * cannot be compiled.
 */
export function compileTagRegex(text: string): MatchTag | undefined {
  if (text.length > MAX_LENGTH || !VISIBLE.test(text)) return undefined
  const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof import('re2js')
  try {
    const regex = RE2JS.compile(text)
    return (tag) => regex.matches(tag)
  } catch {
    return undefined
  }
}
