import type { TokenScope } from '../../access/principal.ts'
import { OciError } from '../../oci/errors.ts'
import { formatScopes } from '../../tokens/scope.ts'
import type { Authenticated } from './authenticate.ts'

/**
 * The `WWW-Authenticate` of a 401: the token endpoint, and the scope to request (Distribution's token specification).
 *
 * `error` is set whenever a token was sent: containerd drops a token only then, and otherwise tries the dead one again
 * and again.
 */
export function challengeFor(
  scopes: readonly TokenScope[],
  credentials: Authenticated['credentials'],
  { origin, service }: { origin: string; service: string },
): string {
  const parts = [`realm="${origin}/token"`, `service="${service}"`]
  if (scopes.length > 0) parts.push(`scope="${formatScopes(scopes)}"`)
  if (credentials === 'bad-token') parts.push('error="invalid_token"')
  else if (credentials === 'accepted') parts.push('error="insufficient_scope"')
  return `Bearer ${parts.join(',')}`
}

/** The error of a 401, with advice. */
export function unauthorized({ credentials, reason }: Omit<Authenticated, 'principal'>): OciError {
  const messages: Record<Authenticated['credentials'], string> = {
    none: 'Authentication is required: log in first',
    accepted: 'The token does not cover this request: ask for one with the scope named in the challenge',
    'bad-token': 'The token is not valid here or has expired: ask for a new one',
    'bad-password': 'The name or the password is wrong',
    unreadable: 'The Authorization header cannot be read: use Basic or Bearer',
  }
  return new OciError('UNAUTHORIZED', { message: reason ?? messages[credentials] })
}
