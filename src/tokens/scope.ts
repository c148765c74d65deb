import type { RegistryGrant, RepositoryAction } from '../access/actions.ts'
import { decide } from '../access/decide.ts'
import type { Principal, RepositoryGrant, TokenScope } from '../access/principal.ts'
import type { AccessRules } from '../access/rules.ts'
import { isRepositoryName, type RepositoryName } from '../oci/repository-name.ts'

/** A scope that a client requests, if this registry knows it. */
type RequestedScope = RequestedRepository | RegistryGrant

/** A repository and the requested actions. */
interface RequestedRepository {
  readonly repository: RepositoryName
  /** At least one; each once, in the order of {@link RepositoryAction}. */
  readonly actions: readonly RepositoryAction[]
}

/** Scopes read of one request: a push that mounts from several repositories has a handful. */
export const MAX_REQUESTED_SCOPES = 64
/**
 * Characters of all granted scopes as JSON: a token travels in a header, and servers and proxies cap those at 8 KiB or
 * more.
 */
export const MAX_GRANTED_CHARACTERS = 5_000

const ACTIONS: readonly RepositoryAction[] = ['pull', 'push', 'delete']
/**
 * Scopes that concern no one repository: their text must match exactly. The list is Distribution's; the other is ours,
 * and is in the challenge to a mount that names no source.
 */
const REGISTRY_SCOPES: Readonly<Record<RegistryGrant, string>> = {
  catalog: 'registry:catalog:*',
  mount: 'registry:blobs:mount',
}
const REGISTRY_GRANTS: readonly RegistryGrant[] = ['catalog', 'mount']
/** `repository`, or with a class, which has no meaning any more: `repository(plugin)`. */
const REPOSITORY_TYPE = /^repository(?:\([a-z0-9]+\))?$/

/**
 * Reads the `scope` parameters of a token request: each holds one or more `repository:<name>:<action>,<action>`,
 * separated by spaces, or one of the registry as a whole; `*` means all actions. Source: Distribution, "Token Scope
 * Documentation".
 *
 * Malformed ones, and those of another type, are left out and never read as something wider. Those of the registry come
 * first. Scopes of one repository are joined. Only the first {@link MAX_REQUESTED_SCOPES} count.
 */
export function parseScopes(parameters: readonly string[]): RequestedScope[] {
  const actionsOf = new Map<RepositoryName, Set<RepositoryAction>>()
  const texts = splitScopes(parameters)
  for (const text of texts) {
    const scope = parseScope(text)
    if (!scope) continue
    const actions = actionsOf.get(scope.repository) ?? new Set()
    for (const action of scope.actions) actions.add(action)
    actionsOf.set(scope.repository, actions)
  }
  const repositories = [...actionsOf].map(([repository, actions]) => ({
    repository,
    actions: ACTIONS.filter((action) => actions.has(action)),
  }))
  return [...REGISTRY_GRANTS.filter((grant) => texts.includes(REGISTRY_SCOPES[grant])), ...repositories]
}

function splitScopes(parameters: readonly string[]): string[] {
  return parameters
    .slice(0, MAX_REQUESTED_SCOPES)
    .flatMap((parameter) => parameter.split(' ', MAX_REQUESTED_SCOPES))
    .filter((text) => text !== '')
    .slice(0, MAX_REQUESTED_SCOPES)
}

/** The name may hold a colon (a host and its port), so only the first and the last one separate. */
function parseScope(text: string): RequestedRepository | undefined {
  const first = text.indexOf(':')
  const last = text.lastIndexOf(':')
  if (first === last || !REPOSITORY_TYPE.test(text.slice(0, first))) return undefined
  const repository = text.slice(first + 1, last)
  if (!isRepositoryName(repository)) return undefined
  const actions = parseActions(text.slice(last + 1))
  return actions.length === 0 ? undefined : { repository, actions }
}

function parseActions(text: string): RepositoryAction[] {
  const names = text.split(',', MAX_REQUESTED_SCOPES)
  return names.includes('*') ? [...ACTIONS] : ACTIONS.filter((action) => names.includes(action))
}

/**
 * The granted part of the requested scopes; fewer than requested is no error. Scopes beyond {@link
 * MAX_GRANTED_CHARACTERS} are left out.
 */
export function grantScopes(
  principal: Principal,
  requested: readonly RequestedScope[],
  rules: AccessRules,
): TokenScope[] {
  const granted: TokenScope[] = []
  let characters = 0
  for (const requestedScope of requested) {
    const scope = grant(principal, requestedScope, rules)
    if (!scope) continue
    characters += formatScope(scope).length + SCOPE_OVERHEAD_CHARACTERS
    if (characters > MAX_GRANTED_CHARACTERS) break
    granted.push(scope)
  }
  return granted
}

/** Characters of a scope in a token's JSON beyond its own text: field names, quotes, brackets. */
const SCOPE_OVERHEAD_CHARACTERS = 50

function grant(
  principal: Principal,
  requestedScope: RequestedScope,
  rules: AccessRules,
): TokenScope | undefined {
  if (typeof requestedScope === 'string') {
    // An account has these grants; without one the list is only for a token that has the grant.
    const holder = principal.kind === 'anonymous' ? { ...principal, scopes: [requestedScope] } : principal
    return decide(holder, { kind: requestedScope }, rules) === 'allow' ? requestedScope : undefined
  }
  const { repository } = requestedScope
  const actions = requestedScope.actions.filter(
    (action) => decide(principal, { kind: 'repository', repository, action }, rules) === 'allow',
  )
  return actions.length === 0 ? undefined : ({ repository, actions } satisfies RepositoryGrant)
}

/** Scopes as one `scope` field, for a challenge or the reply of the token endpoint. */
export function formatScopes(scopes: readonly TokenScope[]): string {
  return scopes.map(formatScope).join(' ')
}

function formatScope(scope: TokenScope): string {
  return typeof scope === 'string'
    ? REGISTRY_SCOPES[scope]
    : `repository:${scope.repository}:${scope.actions.join(',')}`
}
