import { createRequire } from 'node:module'
import type { RE2JS } from 're2js'
import { formatRegex, type RegexNode } from './regex-syntax.ts'

/** A regular expression whose matching takes time in proportion to the text. */
export type LinearRegex = RE2JS

/**
 * Compiles a regular expression for {@link runLinear}. The engine is loaded with the first one, which takes some 40 ms
 * and 5 MB: most hosts never need it.
 */
export function compileLinear(node: RegexNode, isCaseInsensitive: boolean): LinearRegex {
  const { RE2JS } = createRequire(import.meta.url)('re2js') as typeof import('re2js')
  return RE2JS.compile(formatRegex(node, 're2'), isCaseInsensitive ? RE2JS.CASE_INSENSITIVE : 0)
}

/** Prefers the way to match that Perl would find first. @returns the whole, then each group; undefined: no match. */
export function runLinear(regex: LinearRegex, text: string): (string | undefined)[] | undefined {
  const matcher = regex.matcher(text)
  if (!matcher.find()) return undefined
  return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? undefined)
}
