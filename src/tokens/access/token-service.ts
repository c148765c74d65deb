import { randomUUID } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { decodeProtectedHeader } from 'jose/decode/protected_header'
import { JOSEError } from 'jose/errors'
import { SignJWT } from 'jose/jwt/sign'
import { jwtVerify } from 'jose/jwt/verify'
import type { Database } from '../../database/database.ts'
import { readInstanceId } from '../instance-id.ts'
import type { TokensSchema } from '../schema.ts'
import type { AccessClaims, IssuedToken, TokenService } from '../tokens.ts'
import { formatAccess, parseAccessClaims } from './access-claims.ts'
import { SigningKeys, TOKEN_ALGORITHM } from './signing-keys.ts'
import { VerifiedTokens } from './verified-tokens.ts'

/** Longest token that is read, in characters; ours are shorter (`MAX_GRANTED_CHARACTERS`), and headers hold no more. */
export const MAX_TOKEN_LENGTH = 8_192
/** Accepted difference of two nodes' ideas of the time, in seconds: the value of Distribution. */
const CLOCK_LEEWAY_S = 60
const TOKEN_TYPE = 'JWT'
const REQUIRED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'access']

/** Dependencies of a token service. */
interface TokenServiceOptions {
  readonly database: Database<TokensSchema>
  /** Life of a token, in seconds. */
  readonly lifetimeS: number
  /** Milliseconds since 1970. */
  readonly clock?: () => number
}

/** Makes the token service of this registry, with its name and first key if the database holds none yet. */
export async function createTokenService(options: TokenServiceOptions): Promise<TokenService> {
  const { database, lifetimeS, clock = database.now } = options
  const service = `berth-${await readInstanceId(database)}`
  const keys = new SigningKeys({ database, clock, graceMs: (lifetimeS + CLOCK_LEEWAY_S) * 1_000 })
  await keys.signing()
  return new JwtTokenService({ service, lifetimeS, clock, keys })
}

interface Parts {
  readonly service: string
  readonly lifetimeS: number
  readonly clock: () => number
  readonly keys: SigningKeys
}

class JwtTokenService implements TokenService {
  readonly service: string
  readonly #parts: Parts
  readonly #verified: VerifiedTokens

  constructor(parts: Parts) {
    this.service = parts.service
    this.#parts = parts
    this.#verified = new VerifiedTokens(parts.clock)
  }

  async issue(claims: AccessClaims): Promise<IssuedToken> {
    const { clock, keys, lifetimeS } = this.#parts
    const key = await keys.signing()
    const issuedAtS = Math.floor(clock() / 1_000)
    const { accountVersion: version, credential } = claims
    const token = await new SignJWT({
      access: formatAccess(claims.scopes),
      ...(version === undefined ? {} : { account_version: version }),
      ...(credential === undefined ? {} : { credential }),
    })
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid: key.kid, typ: TOKEN_TYPE })
      .setIssuer(this.service)
      .setSubject(claims.subject ?? '')
      .setAudience(this.service)
      .setIssuedAt(issuedAtS)
      .setNotBefore(issuedAtS)
      .setExpirationTime(issuedAtS + lifetimeS)
      .setJti(randomUUID())
      .sign(key.privateKey)
    if (token.length > MAX_TOKEN_LENGTH)
      throw new RangeError('An access token was requested for too many scopes')
    return { token, expiresInS: lifetimeS, issuedAt: new Date(issuedAtS * 1_000) }
  }

  verify(token: string): AccessClaims | undefined | Promise<AccessClaims | undefined> {
    if (token.length > MAX_TOKEN_LENGTH) return undefined
    return this.#verified.get(token) ?? this.#verifyAnew(token)
  }

  async #verifyAnew(token: string): Promise<AccessClaims | undefined> {
    const kid = readKeyId(token)
    const key = kid === undefined ? undefined : await this.#parts.keys.verifying(kid)
    if (!key) return undefined
    const payload = await this.#readPayload(token, key.publicKey)
    const claims = payload && parseAccessClaims(payload)
    if (!claims || payload.aud !== this.service) return undefined
    this.#verified.add(token, {
      claims,
      beginsAtMs: ((payload.nbf ?? 0) - CLOCK_LEEWAY_S) * 1_000,
      expiresAtMs: (payload.exp ?? 0) * 1_000,
    })
    return claims
  }

  async #readPayload(token: string, key: CryptoKey): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [TOKEN_ALGORITHM],
        typ: TOKEN_TYPE,
        issuer: this.service,
        audience: this.service,
        requiredClaims: REQUIRED_CLAIMS,
        clockTolerance: CLOCK_LEEWAY_S,
        currentDate: new Date(this.#parts.clock()),
      })
      return payload
    } catch (error) {
      if (error instanceof JOSEError) return undefined
      throw error
    }
  }

  async publicKeys(): Promise<{ keys: Record<string, unknown>[] }> {
    const keys = await this.#parts.keys.all()
    return { keys: keys.map((key) => key.publicJwk) }
  }
}

/** The key id of a header with exactly our members; undefined for any other. */
function readKeyId(token: string): string | undefined {
  const header = readHeader(token)
  if (!header || Object.keys(header).length !== 3) return undefined
  const { alg, kid, typ } = header
  return alg === TOKEN_ALGORITHM && typ === TOKEN_TYPE && typeof kid === 'string' ? kid : undefined
}

function readHeader(token: string): Record<string, unknown> | undefined {
  try {
    return { ...decodeProtectedHeader(token) }
  } catch (error) {
    // jose reports every malformed header in this way.
    if (error instanceof TypeError) return undefined
    throw error
  }
}
