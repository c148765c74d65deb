import type { RegexNode } from './regex-syntax.ts'

/** Measures of a regular expression that tell how long an engine may take over a text. */
interface Weight {
  /** True if a part that matches in several ways is repeated: the ways multiply with each time. */
  readonly branches: boolean
  /** Number of repetitions of more than a few times. */
  readonly repeats: number
  /** Ways to match all the other parts, as a power of two. */
  readonly bits: number
  readonly isForeign: boolean
}

/** Weighs a regular expression for an engine that tries one way after the other. */
export function weigh(node: RegexNode): Weight {
  const children =
    node.kind === 'sequence' || node.kind === 'choice'
      ? node.nodes
      : 'node' in node && node.node
        ? [node.node]
        : []
  const weights = children.map(weigh)
  const isRepeat = node.kind === 'repeat' && node.max > 1
  return {
    branches: weights.some(({ branches }) => branches) || (isRepeat && hasWays(node.node)),
    bits: weights.reduce((sum, { bits }) => sum + bits, 0) + countBits(node),
    repeats:
      weights.reduce((sum, { repeats }) => sum + repeats, 0) +
      (node.kind === 'repeat' && isLong(node) ? 1 : 0),
    isForeign: node.kind === 'foreign' || weights.some(({ isForeign }) => isForeign),
  }
}

function isLong({ min, max }: { readonly min: number; readonly max: number }): boolean {
  return max > 10 && max !== min
}

function countBits(node: RegexNode): number {
  if (node.kind === 'choice') return Math.log2(node.nodes.length)
  return node.kind === 'repeat' && !isLong(node) ? Math.log2(node.max - node.min + 1) : 0
}

/** True if one text can be matched in several ways. */
function hasWays(node: RegexNode): boolean {
  switch (node.kind) {
    case 'set':
    case 'assertion':
      return false
    case 'choice':
    case 'foreign':
      return true
    case 'repeat':
      return node.min !== node.max || hasWays(node.node)
    case 'group':
      return hasWays(node.node)
    case 'sequence':
      return node.nodes.some(hasWays)
    default:
      return node satisfies never
  }
}

/** True if it can only match at the begin of a text. */
export function isAnchored(node: RegexNode): boolean {
  switch (node.kind) {
    case 'assertion':
      return node.source === '^'
    case 'sequence':
      return node.nodes[0] !== undefined && isAnchored(node.nodes[0])
    case 'choice':
      return node.nodes.every(isAnchored)
    case 'group':
      return isAnchored(node.node)
    default:
      return false
  }
}

/** Steps of a program that runs all ways side by side: each costs time for every character of a text. */
export function countSteps(node: RegexNode): number {
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
