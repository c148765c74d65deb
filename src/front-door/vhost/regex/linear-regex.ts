import type { ParsedRegex, RegexNode } from './regex-syntax.ts'

/** Most steps of one program: each costs time for every character of a text. */
const MAX_INSTRUCTIONS = 1_000

type Instruction =
  | { readonly kind: 'set'; readonly regex: RegExp }
  | { readonly kind: 'assertion'; readonly source: string }
  | { readonly kind: 'split'; first: number; second: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'save'; readonly slot: number }
  | { readonly kind: 'match' }

/** Instructions of a regular expression whose matching takes time in proportion to the text. */
export type LinearProgram = readonly Instruction[]

/** True if {@link compileLinear} can compile it: it is not too large, and does not look around. */
export function isLinear({ node }: ParsedRegex): boolean {
  return countSteps(node) <= MAX_INSTRUCTIONS
}

function countSteps(node: RegexNode): number {
  const sum = (nodes: readonly RegexNode[]): number =>
    nodes.reduce((steps, each) => steps + countSteps(each), 0)
  switch (node.kind) {
    case 'set':
    case 'assertion':
      return 1
    case 'sequence':
      return sum(node.nodes)
    case 'choice':
      return sum(node.nodes) + 2 * node.nodes.length
    case 'group':
      return countSteps(node.node) + 2
    case 'repeat': {
      const { min, max } = node
      return (max === Number.POSITIVE_INFINITY ? min + 1 : max) * (countSteps(node.node) + 2)
    }
    case 'foreign':
      return Number.POSITIVE_INFINITY
    default:
      return node satisfies never
  }
}

/** Compiles a regular expression for {@link runLinear}. @returns undefined if it is not {@link isLinear}. */
export function compileLinear(parsed: ParsedRegex, isCaseInsensitive: boolean): LinearProgram | undefined {
  if (!isLinear(parsed)) return undefined
  const program: Instruction[] = []
  const flags = isCaseInsensitive ? 'i' : ''
  const sets = new Map<string, RegExp>()
  const setOf = (source: string): RegExp => {
    const known = sets.get(source)
    if (known) return known
    const regex = new RegExp(`^${source}$`, flags)
    sets.set(source, regex)
    return regex
  }
  program.push({ kind: 'save', slot: 0 })
  if (!emit(parsed.node, program, setOf)) return undefined
  program.push({ kind: 'save', slot: 1 }, { kind: 'match' })
  return program
}

/** @returns false if it is not possible. */
function emit(node: RegexNode, program: Instruction[], setOf: (source: string) => RegExp): boolean {
  switch (node.kind) {
    case 'set':
      program.push({ kind: 'set', regex: setOf(node.source) })
      return true
    case 'assertion':
      program.push({ kind: 'assertion', source: node.source })
      return true
    case 'sequence':
      return node.nodes.every((each) => emit(each, program, setOf))
    case 'choice':
      return emitChoice(node.nodes, program, setOf)
    case 'group': {
      if (node.index === undefined) return emit(node.node, program, setOf)
      program.push({ kind: 'save', slot: node.index * 2 })
      const isDone = emit(node.node, program, setOf)
      program.push({ kind: 'save', slot: node.index * 2 + 1 })
      return isDone
    }
    case 'repeat':
      return emitRepeat(node, program, setOf)
    case 'foreign':
      return false
    default:
      return node satisfies never
  }
}

function emitChoice(
  nodes: readonly RegexNode[],
  program: Instruction[],
  setOf: (source: string) => RegExp,
): boolean {
  const jumps: { to: number }[] = []
  for (const [index, node] of nodes.entries()) {
    const isLast = index === nodes.length - 1
    const split = { kind: 'split' as const, first: program.length + 1, second: 0 }
    if (!isLast) program.push(split)
    if (!emit(node, program, setOf)) return false
    if (isLast) break
    const jump = { kind: 'jump' as const, to: 0 }
    program.push(jump)
    jumps.push(jump)
    split.second = program.length
  }
  for (const jump of jumps) jump.to = program.length
  return true
}

function emitRepeat(
  { node, min, max, isLazy }: Extract<RegexNode, { kind: 'repeat' }>,
  program: Instruction[],
  setOf: (source: string) => RegExp,
): boolean {
  for (let count = 0; count < min; count++) if (!emit(node, program, setOf)) return false
  const addSplit = (): ((end: number) => void) => {
    const split = { kind: 'split' as const, first: 0, second: 0 }
    program.push(split)
    const inside = program.length
    return (end) => {
      split.first = isLazy ? end : inside
      split.second = isLazy ? inside : end
    }
  }
  if (max === Number.POSITIVE_INFINITY) {
    const start = program.length
    const close = addSplit()
    if (!emit(node, program, setOf)) return false
    program.push({ kind: 'jump', to: start })
    close(program.length)
    return true
  }
  const closing: ((end: number) => void)[] = []
  for (let count = min; count < max; count++) {
    closing.push(addSplit())
    if (!emit(node, program, setOf)) return false
  }
  for (const close of closing) close(program.length)
  return true
}

type Slots = readonly (number | undefined)[]

interface Threads {
  readonly list: { readonly at: number; readonly slots: Slots }[]
  /** Instruction by instruction: the position at which it was last put on the list. */
  readonly seen: Int32Array
}

/**
 * Runs all ways to match side by side (Pike's virtual machine), preferring those that a backtracking engine would find
 * first. @returns positions of the groups: start and end of the whole, then of each.
 */
export function runLinear(program: LinearProgram, text: string): Slots | undefined {
  let current: Threads = { list: [], seen: new Int32Array(program.length).fill(-1) }
  let next: Threads = { list: [], seen: new Int32Array(program.length).fill(-1) }
  let found: Slots | undefined
  for (let position = 0; position <= text.length; position++) {
    if (!found) follow(program, current, { at: 0, slots: [], text, position })
    if (found && current.list.length === 0) break
    const sign = text[position]
    for (const { at, slots } of current.list) {
      const instruction = program[at]
      if (instruction?.kind === 'match') {
        found = slots
        // All later ones have lower precedence.
        break
      }
      if (instruction?.kind === 'set' && sign !== undefined && instruction.regex.test(sign)) {
        follow(program, next, { at: at + 1, slots, text, position: position + 1 })
      }
    }
    const swap = current
    current = next
    next = swap
    next.list.length = 0
  }
  return found
}

/** Puts on the list all instructions that are reachable without a character of the text. */
function follow(
  program: LinearProgram,
  threads: Threads,
  start: { at: number; slots: Slots; text: string; position: number },
): void {
  const { text, position } = start
  const stack: { at: number; slots: Slots }[] = [start]
  for (let thread = stack.pop(); thread; thread = stack.pop()) {
    const { at, slots } = thread
    if (threads.seen[at] === position) continue
    threads.seen[at] = position
    const instruction = program[at]
    switch (instruction?.kind) {
      case 'split':
        stack.push({ at: instruction.second, slots }, { at: instruction.first, slots })
        break
      case 'jump':
        stack.push({ at: instruction.to, slots })
        break
      case 'save': {
        const saved = [...slots]
        saved[instruction.slot] = position
        stack.push({ at: at + 1, slots: saved })
        break
      }
      case 'assertion':
        if (holds(instruction.source, text, position)) stack.push({ at: at + 1, slots })
        break
      default:
        threads.list.push({ at, slots })
    }
  }
}

function holds(source: string, text: string, position: number): boolean {
  if (source === '^') return position === 0
  if (source === '$') return position === text.length
  const isWord = (at: number): boolean => /^\w$/.test(text[at] ?? '')
  return (isWord(position - 1) !== isWord(position)) === (source === '\\b')
}
