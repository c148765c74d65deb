import { decodeHeader, toBytes } from '../syntax/byte-text.ts'
import { compileLinear, type LinearRegex, runLinear } from './linear-regex.ts'
import { formatRegex, type ParsedRegex, parseRegex } from './regex-syntax.ts'
import { countSteps, isAnchored, weigh } from './weigh-regex.ts'

/** Longest regular expression, in characters. */
const MAX_PATTERN_LENGTH = 1_024
/** Longest text that one is tried on, in characters: that of a request line or header. */
const MAX_SUBJECT_LENGTH = 16_384
/** Most steps of JavaScript's engine for one text: a millisecond or so. */
const MAX_STEPS = 1_000_000
/** The same for expressions that only that engine supports. */
const MAX_STEPS_ALONE = 10_000_000
/** Most ways to read a text that are tried one after the other, as a power of two. */
const MAX_BITS = 16
/** Most steps of a program of the linear engine: each costs time for every character of a text. */
const MAX_INSTRUCTIONS = 1_000

/** A regular expression with a bounded time on every text. */
export interface Pattern {
  readonly regex: RegExp
  /** Longest text for JavaScript's engine, which tries one way after the other. */
  readonly fastLength: number
  /** For longer ones: takes time in proportion to the text. Undefined: there is none, longer texts are refused. */
  readonly linear: (() => LinearRegex | undefined) | undefined
  readonly names: ReadonlyMap<string, number>
}

const FOR_EVER = 'the regular expression repeats what can be read in several ways, and could take for ever'

/**
 * Translates a regular expression of nginx (PCRE). Unsupported ones, and those that might run without end, are refused.
 */
export function compileRegex(
  pattern: string,
  isCaseInsensitive: boolean,
): Pattern | { readonly problem: string } {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return { problem: `the regular expression is longer than ${MAX_PATTERN_LENGTH} characters` }
  }
  const hasInlineFlag = pattern.startsWith('(?i)')
  const ignoresCase = isCaseInsensitive || hasInlineFlag
  const bytes = toByteText(hasInlineFlag ? pattern.slice('(?i)'.length) : pattern)
  const parsed = parseRegex(bytes)
  if (typeof parsed === 'string') return { problem: parsed }
  try {
    return limit(bytes, parsed, new RegExp(formatRegex(parsed.node), ignoresCase ? 'i' : ''))
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

function limit(bytes: string, parsed: ParsedRegex, regex: RegExp): Pattern | { readonly problem: string } {
  const { names, node } = parsed
  const weight = weigh(node)
  const { repeats, isForeign } = weight
  const branches = weight.branches || weight.bits > MAX_BITS
  // It is tried from every place of the text, unless it can begin at one only.
  const degree = repeats + (isAnchored(node) ? 0 : 1)
  const lengthFor = (steps: number): number =>
    degree <= 1 ? MAX_SUBJECT_LENGTH : Math.min(MAX_SUBJECT_LENGTH, Math.floor(steps ** (1 / degree)))
  if (isForeign) {
    return branches
      ? { problem: FOR_EVER }
      : { regex, fastLength: lengthFor(MAX_STEPS_ALONE), linear: undefined, names }
  }
  if (countSteps(node) > MAX_INSTRUCTIONS) return { problem: 'the regular expression is too large' }
  let program: LinearRegex | undefined
  // Parsed anew when it is needed, which is seldom: the tree takes more room than all the rest of a location.
  const linear = (): LinearRegex | undefined => {
    const again = program ? '' : parseRegex(bytes)
    if (typeof again !== 'string') program = compileLinear(again.node, regex.ignoreCase)
    return program
  }
  return { regex, fastLength: branches ? 0 : lengthFor(MAX_STEPS), linear, names }
}

/** True if it matches a text of ASCII that is no longer than a host name: much faster than {@link matchRegex}. */
export function testRegex(pattern: Pattern, text: string): boolean {
  if (text.length <= pattern.fastLength) return pattern.regex.test(text)
  const match = tryBytes(pattern, text)
  return match !== undefined && match !== 'too-long'
}

/** Captures: the whole and the groups by number. */
export interface RegexMatch {
  readonly captures: readonly (string | undefined)[]
  readonly groups: Readonly<Record<string, string | undefined>> | undefined
}

/** Tries it on a text. @returns `too-long` for a text on which it might take too long. */
export function matchRegex(pattern: Pattern, text: string): RegexMatch | undefined | 'too-long' {
  const bytes = toByteText(text)
  const match = tryBytes(pattern, bytes)
  if (bytes === text || match === undefined || match === 'too-long') return match
  const { captures, groups } = match
  return {
    captures: captures.map(fromBytes),
    groups:
      groups && Object.fromEntries(Object.entries(groups).map(([name, caught]) => [name, fromBytes(caught)])),
  }
}

function tryBytes(
  { regex, fastLength, linear, names }: Pattern,
  text: string,
): RegexMatch | undefined | 'too-long' {
  if (text.length <= fastLength) {
    const match = regex.exec(text)
    return match ? { captures: match, groups: match.groups } : undefined
  }
  const program = text.length > MAX_SUBJECT_LENGTH ? undefined : linear?.()
  if (!program) return 'too-long'
  const captures = runLinear(program, text)
  if (!captures) return undefined
  const groups = Object.fromEntries([...names].map(([name, index]) => [name, captures[index]]))
  return { captures, groups: names.size > 0 ? groups : undefined }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\u0000-\u007f]*$/

/** nginx matches bytes, not characters: the text with a character for each byte of UTF-8. */
function toByteText(text: string): string {
  return ASCII.test(text) ? text : toBytes(text).toString('latin1')
}

function fromBytes(bytes: string | undefined): string | undefined {
  return bytes === undefined ? undefined : decodeHeader(bytes)
}
