import type { RepositoryAction, RuleAction } from './actions.ts'

/** Several actions as one number: one bit each. */
export type ActionMask = number

/** No action. */
export const NO_ACTIONS: ActionMask = 0
/** All actions. */
export const ALL_ACTIONS: ActionMask = 0b11111

const BITS: Readonly<Record<RuleAction | RepositoryAction, ActionMask>> = {
  pull: 0b00001,
  create: 0b00010,
  overwrite: 0b00100,
  delete: 0b01000,
  administer: 0b10000,
  push: 0b00110,
}

/** The actions that a rule allows with these words: `administer` includes all. */
export function maskOf(actions: readonly RuleAction[]): ActionMask {
  let mask = NO_ACTIONS
  for (const action of actions) mask |= action === 'administer' ? ALL_ACTIONS : BITS[action]
  return mask
}

/** True if the actions include this one; `push` is included with `create` or `overwrite`. */
export function includesAction(mask: ActionMask, action: RuleAction | RepositoryAction): boolean {
  return (mask & BITS[action]) !== NO_ACTIONS
}
