/** What can be done to a repository. */
export type RepositoryAction = 'pull' | 'push' | 'delete'

/**
 * What a token can be issued for that concerns no one repository: the list of repositories, or a look in all that the
 * account may pull for the source of a mount.
 */
export type RegistryGrant = 'catalog' | 'mount'

/** What can be done to the registry as a whole; `ping` is the answer that it is one, which is also the check of a log-in. */
export type RegistryAction = 'ping' | RegistryGrant
