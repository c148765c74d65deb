import { RULE_ACTIONS, type RuleAction } from '../actions.ts'

/** Words for actions: their names, and `push` for `create` and `overwrite`. */
export const ACTION_WORDS: readonly string[] = [...RULE_ACTIONS, 'push']

/** The actions of words, each once, in their order; undefined if a word is none, or there is none. */
export function parseActions(words: readonly string[]): RuleAction[] | undefined {
  if (words.length === 0 || words.some((word) => !ACTION_WORDS.includes(word))) return undefined
  const isPush = words.includes('push')
  return RULE_ACTIONS.filter(
    (action) => words.includes(action) || (isPush && (action === 'create' || action === 'overwrite')),
  )
}
