import { accountPrincipal, type Principal, type TokenScope } from '../../access/principal.ts'
import type { RuleSource } from '../../access/rule-source.ts'
import type { Account } from '../../accounts/accounts.ts'
import { OciError } from '../../oci/errors.ts'
import { formatScopes, grantScopes, parseScopes } from '../../tokens/scope.ts'
import type { AccessClaims, RefreshTokenService } from '../../tokens/tokens.ts'
import { replyJson } from '../answer/reply.ts'
import type { BodyRoom } from '../bounds/body-room.ts'
import { MAX_FORM_BYTES } from '../bounds/shared-bounds.ts'
import { type Exchange, holderOf } from '../request/exchange.ts'
import { readBody } from '../request/read-body.ts'
import { type AuthenticateParts, authenticate, verifyPassword } from './authenticate.ts'

/** Dependencies of the token endpoint. */
export interface TokenEndpointParts extends AuthenticateParts {
  readonly refreshTokens: RefreshTokenService<Account>
  readonly rules: RuleSource
  /** Memory of all forms that are being read. */
  readonly formRoom: BodyRoom
  /** Realm of the Basic challenge: free of quotes. */
  readonly authRealm: string
}

/** A request for a token, of either form. */
interface TokenRequest {
  /** Undefined: without credentials. */
  readonly account: Account | undefined
  readonly scopes: readonly string[]
  readonly withRefreshToken: boolean
  /** The token after the one sent, for the client's next request. */
  readonly refreshToken: string | undefined
  readonly clientId: string
}

/**
 * Answers `GET /token` (Distribution's token specification) and `POST /token` (its OAuth 2 form).
 *
 * Fewer rights than requested are no error: the token lists those it covers. Without credentials it is an anonymous
 * one. Errors: `UNAUTHORIZED` if credentials are wrong, `REQUEST_INVALID`, `UNSUPPORTED`, `TOOMANYREQUESTS`.
 */
export async function serveToken(exchange: Exchange, parts: TokenEndpointParts): Promise<void> {
  const { request, response } = exchange
  if (request.method !== 'GET' && request.method !== 'POST') {
    throw new OciError('UNSUPPORTED', { detail: { allow: ['GET', 'POST'] } })
  }
  // RFC 9110, 15.5.2: a 401 names the way to log in; removed if the answer is another status.
  response.setHeader('www-authenticate', `Basic realm="${parts.authRealm}"`)
  const tokenRequest =
    request.method === 'GET' ? await readGet(exchange, parts) : await readPost(exchange, parts)
  response.removeHeader('www-authenticate')
  if (tokenRequest.account) exchange.principal = accountPrincipal(tokenRequest.account, undefined)
  await answer(exchange, tokenRequest, parts)
}

async function readGet({ request, visit }: Exchange, parts: TokenEndpointParts): Promise<TokenRequest> {
  const query = new URLSearchParams(visit.target.split('?')[1] ?? '')
  const { principal, account, credentials, reason } = await authenticate(
    { headers: request.headers, remote: visit.remoteAddress },
    parts,
  )
  if (credentials !== 'none' && (credentials !== 'accepted' || isBearer(principal)))
    throw wrongCredentials(reason)
  return {
    account,
    scopes: query.getAll('scope'),
    withRefreshToken: query.get('offline_token') === 'true',
    refreshToken: undefined,
    clientId: query.get('client_id') ?? '',
  }
}

async function readPost(exchange: Exchange, parts: TokenEndpointParts): Promise<TokenRequest> {
  const form = new URLSearchParams(await readForm(exchange, parts.formRoom))
  const grant = form.get('grant_type')
  if (grant !== 'password' && grant !== 'refresh_token') {
    throw new OciError('REQUEST_INVALID', { message: 'grant_type must be password or refresh_token' })
  }
  const refreshToken = form.get('refresh_token') ?? ''
  const redeemed = grant === 'refresh_token' ? await parts.refreshTokens.redeem(refreshToken) : undefined
  const { account, reason } =
    grant === 'password'
      ? await verifyPassword(parts.accounts, {
          name: form.get('username') ?? '',
          password: form.get('password') ?? '',
          remote: exchange.visit.remoteAddress,
        })
      : { account: redeemed?.owner }
  if (!account) throw wrongCredentials(reason)
  return {
    account,
    scopes: form.getAll('scope'),
    withRefreshToken: grant === 'password' && form.get('access_type') === 'offline',
    refreshToken: redeemed?.successor,
    clientId: form.get('client_id') ?? '',
  }
}

async function readForm(exchange: Exchange, room: BodyRoom): Promise<string> {
  using hold = room.hold(holderOf(exchange))
  return String(await readBody(exchange.request, { maxBytes: MAX_FORM_BYTES, tooLarge: formTooLarge, hold }))
}

async function answer(
  exchange: Exchange,
  tokenRequest: TokenRequest,
  parts: TokenEndpointParts,
): Promise<void> {
  const { account, clientId } = tokenRequest
  const scopes = grantScopes(exchange.principal, parseScopes(tokenRequest.scopes), await parts.rules())
  const { token, expiresInS, issuedAt } = await parts.tokens.issue(
    account ? toClaims(account, scopes) : { subject: undefined, scopes },
  )
  const refreshToken =
    account && tokenRequest.withRefreshToken
      ? await parts.refreshTokens.issue(account, clientId.slice(0, 64))
      : tokenRequest.refreshToken
  replyJson(
    exchange,
    {
      token,
      access_token: token,
      expires_in: expiresInS,
      issued_at: issuedAt.toISOString(),
      scope: formatScopes(scopes),
      ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    },
    { headers: { 'cache-control': 'no-store' } },
  )
}

function toClaims({ name, version, credential }: Account, scopes: readonly TokenScope[]): AccessClaims {
  return {
    subject: name,
    scopes,
    accountVersion: version,
    ...(credential === undefined ? {} : { credential }),
  }
}

/** A token must not be traded for another: it would outlive its own end. */
function isBearer(principal: Principal): boolean {
  return principal.kind === 'anonymous' || principal.scopes !== undefined
}

function wrongCredentials(reason?: string | undefined): OciError {
  return new OciError('UNAUTHORIZED', {
    message: reason ?? 'The name, the password or the refresh token is wrong',
  })
}

function formTooLarge(): OciError {
  return new OciError('REQUEST_INVALID', {
    message: `The form is larger than ${MAX_FORM_BYTES} bytes`,
    status: 413,
  })
}
