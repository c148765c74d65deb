import type { JWTPayload } from 'jose'
import type { RegistryGrant, RepositoryAction } from '../../access/actions.ts'
import type { TokenScope } from '../../access/principal.ts'
import type { AccessClaims } from '../tokens.ts'

/** The entry of the list has the form of Distribution's own token service. */
const REGISTRY_ENTRIES: Readonly<Record<RegistryGrant, Readonly<Record<string, unknown>>>> = {
  catalog: { type: 'registry', name: 'catalog', actions: ['*'] },
  mount: { type: 'registry', name: 'blobs', actions: ['mount'] },
}
const ACTIONS: readonly string[] = ['pull', 'push', 'delete'] satisfies RepositoryAction[]

/** The scopes as the claim `access` (Distribution, "Token Authentication Implementation"). */
export function formatAccess(scopes: readonly TokenScope[]): Readonly<Record<string, unknown>>[] {
  return scopes.map((scope) =>
    typeof scope === 'string'
      ? REGISTRY_ENTRIES[scope]
      : { type: 'repository', name: scope.repository, actions: scope.actions },
  )
}

/** The claims in the form this registry writes; undefined for any other shape, even under a good signature. */
export function parseAccessClaims(payload: JWTPayload): AccessClaims | undefined {
  const { sub, access, account_version: version, credential } = payload
  if (typeof sub !== 'string' || !Array.isArray(access)) return undefined
  const scopes = access.map(parseAccessEntry).filter((scope) => scope !== undefined)
  if (scopes.length !== access.length) return undefined
  const subject = sub === '' ? undefined : sub
  return {
    subject,
    scopes,
    ...(typeof version === 'string' && { accountVersion: version }),
    ...(typeof credential === 'string' && { credential }),
  }
}

function parseAccessEntry(entry: unknown): TokenScope | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const { type, name, actions } = entry as Record<string, unknown>
  if (typeof name !== 'string' || !Array.isArray(actions)) return undefined
  if (type === 'registry' && actions.length === 1) {
    if (name === 'catalog' && actions[0] === '*') return 'catalog'
    if (name === 'blobs' && actions[0] === 'mount') return 'mount'
  }
  if (type !== 'repository' || !actions.every(isAction)) return undefined
  return { repository: name, actions }
}

function isAction(value: unknown): value is RepositoryAction {
  return typeof value === 'string' && ACTIONS.includes(value)
}
