import type { RuleAction } from './actions.ts'
import { parsePattern, type RepositoryPattern } from './repository-pattern.ts'

/** Acts in some repositories that credentials are limited to. */
interface AccessLimit {
  readonly where: RepositoryPattern
  readonly what: readonly RuleAction[]
}

/** The most that a token or a robot may do. It gives no right: what its account may not do stays denied. */
export type Limits = readonly AccessLimit[]

const ACTIONS: readonly RuleAction[] = ['pull', 'create', 'overwrite', 'delete', 'administer']
/** Acts of a limit that names none: all that a client of the registry does. */
const USUAL = ['pull', 'push', 'delete']

/**
 * Reads a limit of the form `team/**:pull,push`, where `push` stands for `create` and `overwrite`; without acts
 * `pull,push,delete` are meant. Undefined: the text is no limit.
 */
export function parseLimit(text: string): AccessLimit | undefined {
  const colon = text.lastIndexOf(':')
  const where = parsePattern(colon === -1 ? text : text.slice(0, colon))
  const words = colon === -1 ? USUAL : text.slice(colon + 1).split(',', ACTIONS.length + 2)
  const named = new Set<string>(words.flatMap((word) => (word === 'push' ? ['create', 'overwrite'] : [word])))
  const what = ACTIONS.filter((action) => named.has(action))
  return where === undefined || what.length !== named.size ? undefined : { where, what }
}

/** The form that {@link parseLimit} reads. */
export function formatLimit({ where, what }: AccessLimit): string {
  const isPush = what.includes('create') && what.includes('overwrite')
  const words = what
    .filter((action) => !isPush || action !== 'overwrite')
    .map((action) => (isPush && action === 'create' ? 'push' : action))
  return `${where}:${words.join(',')}`
}

/**
 * True if the credentials of an administrator may administer the registry as a whole. A limit has to name it, and so it has
 * for a robot: one that pushes for an administrator manages no accounts.
 */
export function isAdministrationWithin(kind: 'user' | 'robot', limits: Limits | undefined): boolean {
  if (!limits) return kind === 'user'
  return limits.some(({ where, what }) => where === '**' && what.includes('administer'))
}
