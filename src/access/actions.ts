/** Acts on a repository. */
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
