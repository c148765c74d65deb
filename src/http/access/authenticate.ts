import type { IncomingHttpHeaders } from 'node:http'
import { ANONYMOUS, accountPrincipal, type Principal } from '../../access/principal.ts'
import { type Account, AccountError, type Authenticator } from '../../accounts/accounts.ts'
import { OciError } from '../../oci/errors.ts'
import type { TokenService } from '../../tokens/tokens.ts'

/** Credentials of a request. */
type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'accepted' }
  /** A token that is expired, forged, of another registry, or of an account that is gone. */
  | { readonly kind: 'bad-token' }
  | { readonly kind: 'bad-password' }
  /** A header that cannot be read. */
  | { readonly kind: 'unreadable' }

/** Evidence of a request's account. */
interface Evidence {
  readonly headers: IncomingHttpHeaders
  /** Address of the client: failures are counted by it, too. */
  readonly remote: string
}

/** Result of authentication. */
export interface Authenticated {
  readonly principal: Principal
  /** The account of the principal; undefined for an anonymous one. */
  readonly account?: Account | undefined
  readonly credentials: Credentials['kind']
  /** Why a token in the place of the password was refused, for its sender. */
  readonly reason?: string | undefined
}

/** Dependencies of authentication. */
export interface AuthenticateParts {
  readonly accounts: Authenticator
  readonly tokens: TokenService
}

/** RFC 4648, 4. Node decodes beyond the padding, and would accept one of two joined credentials. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

const NOBODY: Authenticated = { principal: ANONYMOUS, credentials: 'none' }

/**
 * Finds the principal of a request from its headers: Basic (RFC 7617) or Bearer (RFC 6750). Errors: `TOOMANYREQUESTS`
 * if too many passwords are being checked.
 */
export function authenticate(
  { headers, remote }: Evidence,
  parts: AuthenticateParts,
): Authenticated | Promise<Authenticated> {
  const header = headers.authorization
  if (header === undefined || header === '') return NOBODY
  const space = header.indexOf(' ')
  const scheme = header.slice(0, space).toLowerCase()
  const value = header.slice(space + 1).trim()
  if (scheme === 'bearer') return authenticateToken({ token: value, remote }, parts)
  if (scheme === 'basic') return authenticatePassword({ value, remote }, parts)
  return { principal: ANONYMOUS, credentials: 'unreadable' }
}

async function authenticateToken(
  { token, remote }: { token: string; remote: string },
  { tokens, accounts }: AuthenticateParts,
): Promise<Authenticated> {
  const claims = await tokens.verify(token)
  // A JWT has points; a personal token or the secret of a robot has none.
  if (!claims && !token.includes('.')) return authenticateSecret({ secret: token, remote }, accounts)
  if (!claims) return { principal: ANONYMOUS, credentials: 'bad-token' }
  if (claims.subject === undefined)
    return { principal: { kind: 'anonymous', scopes: claims.scopes }, credentials: 'accepted' }
  // Read each time, so that disabling, removing and a new password end an account's tokens at once.
  const account = await accounts.findEnabled(claims.subject, claims.credential)
  if (account?.version !== claims.accountVersion || !account)
    return { principal: ANONYMOUS, credentials: 'bad-token' }
  return { principal: accountPrincipal(account, claims.scopes), account, credentials: 'accepted' }
}

async function authenticateSecret(
  { secret, remote }: { secret: string; remote: string },
  accounts: Authenticator,
): Promise<Authenticated> {
  const { account, reason } = await verifyPassword(accounts, { name: undefined, password: secret, remote })
  return account
    ? { principal: accountPrincipal(account, undefined), account, credentials: 'accepted' }
    : { principal: ANONYMOUS, credentials: 'bad-token', reason }
}

async function authenticatePassword(
  { value, remote }: { value: string; remote: string },
  { accounts }: AuthenticateParts,
): Promise<Authenticated> {
  if (!BASE64.test(value)) return { principal: ANONYMOUS, credentials: 'unreadable' }
  const text = Buffer.from(value, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return { principal: ANONYMOUS, credentials: 'unreadable' }
  const login = { name: text.slice(0, colon), password: text.slice(colon + 1), remote }
  const { account, reason } = await verifyPassword(accounts, login)
  return account
    ? { principal: accountPrincipal(account, undefined), account, credentials: 'accepted' }
    : { principal: ANONYMOUS, credentials: 'bad-password', reason }
}

/** Result of a check of a name and a password, or of a token in its place. */
interface Verified {
  readonly account?: Account | undefined
  /** Why a token was refused, for its sender. */
  readonly reason?: string
}

/** The account of a name and a password, or of a token alone, without a name. Errors: `TOOMANYREQUESTS`, `UNAVAILABLE`. */
export async function verifyPassword(
  accounts: Authenticator,
  login: { name: string | undefined; password: string; remote: string },
): Promise<Verified> {
  try {
    return { account: await accounts.verifyPassword(login.name, login.password, login.remote) }
  } catch (error) {
    if (!(error instanceof AccountError)) throw error
    const { code, retryAfterS = 1 } = error
    if (code === 'TOKEN_REFUSED') return { reason: error.message }
    if (code === 'TOO_MANY_ATTEMPTS') {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many log-ins are being checked: wait, then try again with the right password',
        retryAfterS,
        cause: error,
      })
    }
    if (code === 'DIRECTORY_UNREACHABLE') {
      throw new OciError('UNAVAILABLE', {
        message: 'The directory that checks the password gives no answer: try again in a while',
        retryAfterS,
        cause: error,
      })
    }
    throw error
  }
}
