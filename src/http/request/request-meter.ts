import type { Principal } from '../../access/principal.ts'
import type { OciRequestKind } from '../../oci/request.ts'

/** Kind of a request, for figures: the routes of the registry's host. */
export type RouteName =
  | OciRequestKind
  | 'token'
  | 'keys'
  | 'livez'
  | 'readyz'
  | 'startupz'
  | 'metrics'
  | 'home'
  /** The admin API. */
  | 'api'
  /** No route: an unknown path, a bad name, or a request for web pages of other origins. */
  | 'other'

/** A request that is over, without names. */
interface FinishedRequest {
  readonly route: RouteName
  readonly status: number
  readonly receivedBytes: number
  readonly sentBytes: number
  readonly ms: number
  readonly repository: RepositoryRelation
}

/** Relation of a repository to the account of a request: below the account's own name, another one, or none. */
type RepositoryRelation = 'own' | 'other' | 'none'

/** Counts the requests of a host. */
export interface RequestMeter {
  /** A request has come; `end()` follows in any case. */
  begin(): void
  end(finished: FinishedRequest): void
}

/** The relation of a repository to a principal. */
export function relationOf(repository: string | undefined, principal: Principal): RepositoryRelation {
  if (repository === undefined) return 'none'
  if (principal.kind === 'anonymous') return 'other'
  const { name } = principal
  return repository.startsWith(name) && repository[name.length] === '/' ? 'own' : 'other'
}
