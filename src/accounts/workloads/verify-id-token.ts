import { JOSEError, JWKSNoMatchingKey } from 'jose/errors'
import { decodeJwt } from 'jose/jwt/decode'
import { jwtVerify } from 'jose/jwt/verify'
import { AccountError } from '../accounts.ts'
import type { Trust } from '../secrets.ts'
import type { Claims } from './claims.ts'
import { type IssuerKeys, KeysMissing } from './issuer-keys.ts'

/** Longest ID token that is read, in characters: a header of Basic credentials holds a third more, and servers cap those. */
export const MAX_ID_TOKEN_LENGTH = 8_192
/** Accepted difference between the clocks of the issuer and of this registry, in seconds. */
const CLOCK_LEEWAY_S = 60
/** Longest time since the issue of a token: those of CI last for a job. */
const MAX_AGE = '24h'
/** Asymmetric ones only: a shared secret would let this registry sign, too. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const FORM = /^eyJ[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/** True for a text that can only be a token of an issuer: it is not compared with any password. */
export function isIdToken(password: string): boolean {
  return FORM.test(password)
}

/** The claim `iss` of a token, which proves nothing yet; undefined if there is none that can be read. */
export function findIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss
  } catch (error) {
    if (error instanceof JOSEError || error instanceof TypeError) return undefined
    throw error
  }
}

/** Dependencies and conditions of {@link verifyIdToken}. */
interface VerifyParts {
  readonly keys: IssuerKeys
  readonly source: Pick<Trust, 'issuer' | 'ca' | 'jwks'>
  readonly audiences: readonly string[]
  readonly nowMs: number
}

/**
 * The claims of a token that the issuer signed for this registry and that is in force. Errors: `AccountError`
 * `TOKEN_REFUSED`.
 */
export async function verifyIdToken(token: string, parts: VerifyParts): Promise<Claims & { exp: number }> {
  try {
    return await verify(token, parts, false)
  } catch (error) {
    // The issuer may have a new key.
    if (!(error instanceof JWKSNoMatchingKey)) throw refusal(error, parts)
  }
  try {
    return await verify(token, parts, true)
  } catch (error) {
    throw refusal(error, parts)
  }
}

async function verify(
  token: string,
  { keys, source, audiences, nowMs }: VerifyParts,
  isLatest: boolean,
): Promise<Claims & { exp: number }> {
  const { payload } = await jwtVerify(token, await findKeys(keys, source, isLatest), {
    algorithms: ALGORITHMS,
    issuer: source.issuer,
    audience: [...audiences],
    requiredClaims: ['iss', 'aud', 'exp', 'iat', 'sub'],
    maxTokenAge: MAX_AGE,
    clockTolerance: CLOCK_LEEWAY_S,
    currentDate: new Date(nowMs),
  })
  return { ...payload, exp: payload.exp ?? 0 }
}

async function findKeys(keys: IssuerKeys, source: VerifyParts['source'], isLatest: boolean) {
  try {
    return await keys.get(source, { isLatest })
  } catch (error) {
    if (!(error instanceof KeysMissing)) throw error
    // Anyone can name an issuer: how this registry reaches it is for its log.
    throw new AccountError(
      'TOKEN_REFUSED',
      `The keys of ${source.issuer} cannot be had now: try again in a minute, or see the log of the registry`,
    )
  }
}

/** The error of a faulty token, for its sender: nothing in it is a secret of the registry. */
function refusal(error: unknown, { source, audiences }: VerifyParts): unknown {
  if (!(error instanceof JOSEError)) return error
  const isAudience = 'claim' in error && error.claim === 'aud'
  const advice = isAudience ? `: request it for the audience ${audiences.join(' or ') || 'of the trust'}` : ''
  return new AccountError(
    'TOKEN_REFUSED',
    `The ID token of ${source.issuer} is not accepted: ${error.message}${advice}`,
  )
}
