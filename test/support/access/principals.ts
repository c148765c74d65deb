import type { RepositoryAction } from '../../../src/access/actions.ts'
import type { Demand } from '../../../src/access/decide.ts'
import type { AccountPrincipal, Principal, TokenScope } from '../../../src/access/principal.ts'
import type { RepositoryScope } from '../../../src/access/repository-scope.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'

/** The names are as in the request: some here could not even be parsed, and must be denied all the same. */
export const on = (repository: string, action: RepositoryAction): Demand => ({
  kind: 'repository',
  repository: repository as RepositoryName,
  action,
})

/** An account that owns what is below its name. */
export const user = (name: string, scopes?: TokenScope[]): AccountPrincipal => ({
  kind: 'user',
  id: `user:${name}`,
  name,
  subject: `user:${name}`,
  limits: undefined,
  owns: [name],
  isAdmin: false,
  scopes,
})
/** An administrator. */
export const admin = (scopes?: TokenScope[]): Principal => ({ ...user('admin', scopes), isAdmin: true })

/** The grant to pull from one repository. */
export const toPull = (repository: string): TokenScope => ({ repository, actions: ['pull'] })

/** True if a list by this scope has the name: it lies within the spans, and is confirmed. */
export function isListed(scope: RepositoryScope, name: string): boolean {
  if (scope === 'all') return true
  const isInSpan = scope.names.includes(name) || scope.prefixes.some((prefix) => name.startsWith(prefix))
  return isInSpan && scope.includes(name)
}
