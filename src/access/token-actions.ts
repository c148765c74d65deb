import type { RepositoryAction, RuleAction } from './actions.ts'

/**
 * Actions that a bearer token needs for an act: `push` covers making and moving tags. Empty: no token that clients
 * request for one repository covers it.
 */
export function tokenActionsFor(action: RepositoryAction | RuleAction): readonly RepositoryAction[] {
  switch (action) {
    case 'pull':
    case 'delete':
    case 'push':
      return [action]
    case 'create':
    case 'overwrite':
      return ['push']
    case 'administer':
      return []
    default:
      return action satisfies never
  }
}
