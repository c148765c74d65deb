/** Deepest nesting of groups. */
const MAX_DEPTH = 32
/** Largest count in `{n,m}`. */
const MAX_COUNT = 1_000

/** A parsed regular expression. */
export type RegexNode =
  /** One character of a set; `source` is its form in JavaScript. */
  | { readonly kind: 'set'; readonly source: string }
  | { readonly kind: 'assertion'; readonly source: '^' | '$' | '\\b' | '\\B' }
  | { readonly kind: 'sequence'; readonly nodes: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly nodes: readonly RegexNode[] }
  /** `index` is undefined for a group without a capture. */
  | {
      readonly kind: 'group'
      readonly node: RegexNode
      readonly index: number | undefined
      readonly name: string | undefined
    }
  | {
      readonly kind: 'repeat'
      readonly node: RegexNode
      readonly min: number
      readonly max: number
      readonly isLazy: boolean
    }
  /** `(?=…)` and its like, or a back reference: only JavaScript's engine supports these. */
  | { readonly kind: 'foreign'; readonly open: string; readonly node: RegexNode | undefined }

/** A parsed expression, and its groups. */
export interface ParsedRegex {
  readonly node: RegexNode
  readonly groups: number
  /** Names of groups with their numbers. */
  readonly names: ReadonlyMap<string, number>
}

/** A set of all signs, as JavaScript writes it. */
const ANY_SIGN = '[^]'

class SyntaxProblem extends Error {}

/** Parses a regular expression of PCRE. @returns a text with the unsupported part. */
export function parseRegex(pattern: string): ParsedRegex | string {
  const reader: Reader = { pattern, at: 0, groups: 0, names: new Map(), depth: 0 }
  try {
    const node = readChoice(reader)
    if (reader.at < pattern.length) return 'Invalid regular expression: it has a ")" that closes nothing'
    return { node, groups: reader.groups, names: reader.names }
  } catch (error) {
    if (error instanceof SyntaxProblem) return error.message
    throw error
  }
}

interface Reader {
  readonly pattern: string
  at: number
  groups: number
  readonly names: Map<string, number>
  depth: number
}

function refuse(what: string): never {
  throw new SyntaxProblem(`Invalid regular expression: it ${what}`)
}

function readChoice(reader: Reader): RegexNode {
  const nodes = [readSequence(reader)]
  while (reader.pattern[reader.at] === '|') {
    reader.at++
    nodes.push(readSequence(reader))
  }
  const [only] = nodes
  return nodes.length === 1 && only ? only : { kind: 'choice', nodes }
}

function readSequence(reader: Reader): RegexNode {
  const nodes: RegexNode[] = []
  for (;;) {
    const sign = reader.pattern[reader.at]
    if (sign === undefined || sign === '|' || sign === ')') return { kind: 'sequence', nodes }
    nodes.push(readRepeats(reader, readAtom(reader, sign)))
  }
}

const COUNT = /\{(\d{1,4})(,?)(\d{0,4})\}/y

function readRepeats(reader: Reader, node: RegexNode): RegexNode {
  const { pattern } = reader
  const sign = pattern[reader.at]
  let bounds: [min: number, max: number] | undefined
  if (sign === '*') bounds = [0, Number.POSITIVE_INFINITY]
  else if (sign === '+') bounds = [1, Number.POSITIVE_INFINITY]
  else if (sign === '?') bounds = [0, 1]
  if (bounds) reader.at++
  else if (sign === '{') {
    COUNT.lastIndex = reader.at
    const match = COUNT.exec(pattern)
    if (!match) return node
    const min = Number(match[1])
    const max = match[2] === '' ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3])
    if (min > max || min > MAX_COUNT || (max !== Number.POSITIVE_INFINITY && max > MAX_COUNT)) {
      refuse('has a count that cannot be used')
    }
    bounds = [min, max]
    reader.at += match[0].length
  }
  if (!bounds) return node
  if (node.kind === 'assertion') refuse('repeats what has no length')
  const next = pattern[reader.at]
  if (next === '+') refuse('uses what is only in PCRE')
  if (next === '*') refuse('repeats a repetition')
  const isLazy = next === '?'
  if (isLazy) reader.at++
  const [min, max] = bounds
  return { kind: 'repeat', node, min, max, isLazy }
}

function readAtom(reader: Reader, sign: string): RegexNode {
  switch (sign) {
    case '(':
      return readGroup(reader)
    case '[':
      return readClass(reader)
    case '\\':
      return readEscape(reader)
    case '*':
    case '+':
    case '?':
      return refuse('repeats nothing')
    case '^':
    case '$':
      reader.at++
      return { kind: 'assertion', source: sign }
    case '.':
      reader.at++
      return { kind: 'set', source: ANY_SIGN }
    default:
      reader.at++
      return { kind: 'set', source: quote(sign) }
  }
}

/** Signs are bytes of UTF-8. */
function quote(sign: string): string {
  return /[\w]/.test(sign) ? sign : `\\x${sign.charCodeAt(0).toString(16).padStart(2, '0')}`
}

const OPENING = /\((\?(?::|[=!]|<[=!]|P?<([A-Za-z_]\w*)>))?/y

function readGroup(reader: Reader): RegexNode {
  OPENING.lastIndex = reader.at
  const [open = '', kind, name] = OPENING.exec(reader.pattern) ?? []
  reader.at += open.length
  if (['?', '*'].includes(reader.pattern[reader.at] ?? '') && kind === undefined) {
    refuse('uses what is only in PCRE')
  }
  if (++reader.depth > MAX_DEPTH) refuse(`has more than ${MAX_DEPTH} groups within each other`)
  const isCaught = kind === undefined || name !== undefined
  const index = isCaught ? ++reader.groups : undefined
  if (name !== undefined && index !== undefined) {
    if (reader.names.has(name)) refuse(`has two groups named ${name}`)
    reader.names.set(name, index)
  }
  const node = readChoice(reader)
  if (reader.pattern[reader.at] !== ')') refuse('has a "(" that is not closed')
  reader.at++
  reader.depth--
  if (isCaught || kind === '?:') return { kind: 'group', node, index, name }
  return { kind: 'foreign', open, node }
}

/** Sets of a letter after a backslash, as parts of a class, with the same meaning in JavaScript and RE2. */
const SETS: Readonly<Record<string, string>> = {
  d: '\\d',
  D: '\\D',
  w: '\\w',
  W: '\\W',
  // Of PCRE: JavaScript has more signs in it, RE2 fewer.
  s: '\\t-\\r\\x20',
  S: '\\x00-\\x08\\x0e-\\x1f\\x21-\\xff',
}
const CONTROLS = 'tnrfv'

function readEscape(reader: Reader): RegexNode {
  const { pattern } = reader
  const sign = pattern[reader.at + 1]
  if (sign === undefined) refuse('ends in a backslash')
  if (sign === 'x') return { kind: 'set', source: readHex(reader) }
  reader.at += 2
  if (sign === 'b' || sign === 'B') return { kind: 'assertion', source: `\\${sign}` }
  if (sign === 'A') return { kind: 'assertion', source: '^' }
  if (sign === 'z' || sign === 'Z') return { kind: 'assertion', source: '$' }
  const set = SETS[sign]
  if (set !== undefined) return { kind: 'set', source: `[${set}]` }
  if (CONTROLS.includes(sign)) return { kind: 'set', source: `\\${sign}` }
  if (sign >= '1' && sign <= '9') return { kind: 'foreign', open: `\\${sign}(?:)`, node: undefined }
  if (/[A-Za-z0]/.test(sign)) refuse('uses what is only in PCRE')
  return { kind: 'set', source: quote(sign) }
}

function readHex(reader: Reader): string {
  const [all = '', digits] = /^\\x([0-9A-Fa-f]{2})/.exec(reader.pattern.slice(reader.at, reader.at + 4)) ?? []
  if (digits === undefined) refuse('uses what is only in PCRE')
  reader.at += all.length
  return `\\x${digits}`
}

function readClass(reader: Reader): RegexNode {
  const { pattern } = reader
  let source = '['
  reader.at++
  if (pattern[reader.at] === '^') {
    source += '^'
    reader.at++
  }
  let isAfterSet = false
  // A "]" in the first place is an ordinary character.
  for (let isFirst = true; ; isFirst = false) {
    const sign = pattern[reader.at]
    if (sign === undefined) refuse('has a "[" that is not closed')
    if (sign === ']' && !isFirst) break
    if (sign === '[' && /[:.=]/.test(pattern[reader.at + 1] ?? '')) refuse('uses what is only in PCRE')
    if (sign === '\\') {
      source += readClassEscape(reader)
      isAfterSet = isSetAt(pattern, reader.at - 2)
    } else {
      // Beside a set it is no range.
      source += sign === '-' && !isAfterSet && !isSetAt(pattern, reader.at + 1) ? '-' : quote(sign)
      isAfterSet = false
      reader.at++
    }
  }
  reader.at++
  return { kind: 'set', source: `${source}]` }
}

function isSetAt(pattern: string, at: number): boolean {
  return pattern[at] === '\\' && SETS[pattern[at + 1] ?? ''] !== undefined
}

function readClassEscape(reader: Reader): string {
  const sign = reader.pattern[reader.at + 1] ?? refuse('ends in a backslash')
  if (sign === 'x') return readHex(reader)
  reader.at += 2
  const set = SETS[sign]
  if (set !== undefined) return set
  if (CONTROLS.includes(sign)) return `\\${sign}`
  if (sign === 'b') return '\\x08'
  if (/[A-Za-z0-9]/.test(sign)) refuse('uses what is only in PCRE')
  return quote(sign)
}

/** The expression in the syntax of an engine. */
export function formatRegex(node: RegexNode, engine: 'javascript' | 're2' = 'javascript'): string {
  const format = (inner: RegexNode): string => formatRegex(inner, engine)
  switch (node.kind) {
    case 'set':
      return node.source === ANY_SIGN && engine === 're2' ? '(?s:.)' : node.source
    case 'assertion':
      return node.source
    case 'sequence':
      return node.nodes.map(format).join('')
    case 'choice':
      return node.nodes.map(format).join('|')
    case 'group':
      return `(${node.index === undefined ? '?:' : node.name === undefined ? '' : `?<${node.name}>`}${format(node.node)})`
    case 'repeat': {
      const { min, max } = node
      const count = max === Number.POSITIVE_INFINITY ? `{${min},}` : `{${min},${max}}`
      return `${format(node.node)}${count}${node.isLazy ? '?' : ''}`
    }
    case 'foreign':
      return node.node ? `${node.open}${format(node.node)})` : node.open
    default:
      return node satisfies never
  }
}
