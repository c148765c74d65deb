import { type Decision, type Demand, decide } from '../../access/decide.ts'
import type { TokenScope } from '../../access/principal.ts'
import type { AccessRules } from '../../access/rules.ts'
import { tokenActionsFor } from '../../access/token-actions.ts'
import { OciError } from '../../oci/errors.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ConsoleLogin } from '../console.ts'
import type { RouteAccess } from './route.ts'

/** A refusal, and for 401 the scopes with which the request would be allowed. */
export interface Refusal {
  readonly error: OciError
  readonly scopes: readonly TokenScope[]
}

/**
 * Why a request is refused; undefined: it is allowed. The one function that decides is `decide()`, which sees only the
 * name of a repository: missing and forbidden ones are refused alike. Wrong credentials are refused on every route, also
 * on one for anyone: they get no answer as somebody else.
 */
export function findRefusal(
  access: RouteAccess,
  repository: RepositoryName | undefined,
  { login, rules }: { login: ConsoleLogin; rules: AccessRules },
): Refusal | undefined {
  const { principal, credentials } = login
  if (credentials !== 'none' && credentials !== 'accepted') return refuse(unauthorized(login))
  if (access === 'anyone') return undefined
  // An anonymous token may check that this is a registry; routes about the account need one.
  if (access === 'signed-in' && principal.kind === 'anonymous') return refuse(unauthorized(login))
  const demand = toDemand(access, repository)
  const decision: Decision = decide(principal, demand, rules)
  switch (decision) {
    case 'allow':
      return undefined
    case 'log-in':
    case 'widen':
      return refuse(unauthorized(login), toScopes(demand))
    case 'deny':
      return refuse(new OciError('DENIED', { message: 'This account may not do this' }))
    default:
      return decision satisfies never
  }
}

function refuse(error: OciError, scopes: readonly TokenScope[] = []): Refusal {
  return { error, scopes }
}

function toDemand(access: Exclude<RouteAccess, 'anyone'>, repository: RepositoryName | undefined): Demand {
  switch (access) {
    case 'signed-in':
      return { kind: 'ping' }
    case 'catalog':
    case 'administer':
      return { kind: access }
    default:
      // A route's type lets only paths with a repository have such an access; one without must not slip through.
      if (repository === undefined) throw new OciError('DENIED')
      return { kind: 'repository', repository, action: access }
  }
}

/** No token of today covers administration. */
function toScopes(demand: Demand): TokenScope[] {
  switch (demand.kind) {
    case 'repository':
      return [{ repository: demand.repository, actions: tokenActionsFor(demand.action) }]
    case 'catalog':
    case 'mount':
      return [demand.kind]
    case 'ping':
    case 'administer':
      return []
    default:
      return demand satisfies never
  }
}

function unauthorized({ credentials, reason }: ConsoleLogin): OciError {
  const messages: Record<ConsoleLogin['credentials'], string> = {
    none: 'Authentication is required: send an Authorization header',
    accepted: 'The token does not cover this request, or is of no account',
    'bad-token': 'The token is not valid here or has expired: request a new one',
    'bad-password': 'The name or the password is wrong',
    unreadable: 'The Authorization header cannot be read: use Basic or Bearer',
  }
  return new OciError('UNAUTHORIZED', { message: reason ?? messages[credentials] })
}
