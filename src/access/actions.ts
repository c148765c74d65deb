/**
 * Acts that a rule can allow in a repository. `create` makes content and new tags, `overwrite` moves a tag that there
 * is, `administer` includes all others.
 */
export type RuleAction = 'pull' | 'create' | 'overwrite' | 'delete' | 'administer'

/** All of them, in the order in which they are shown. */
export const RULE_ACTIONS: readonly RuleAction[] = ['pull', 'create', 'overwrite', 'delete', 'administer']

/**
 * Acts of requests, and of the scopes of tokens. `push` needs `create` or `overwrite`: which of them, is known only in
 * the transaction that writes a tag.
 */
export type RepositoryAction = 'pull' | 'push' | 'delete'

/**
 * Grants of a token that concern no one repository: the list of repositories, or a search for the source of a mount in
 * all that the account may pull.
 */
export type RegistryGrant = 'catalog' | 'mount'

/**
 * Acts on the registry as a whole; `ping` answers that it is one, and so checks the log-in, `administer` manages accounts,
 * policies and upkeep.
 */
export type RegistryAction = 'ping' | 'administer' | RegistryGrant
