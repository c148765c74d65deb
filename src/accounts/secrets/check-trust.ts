import { AccountError } from '../accounts.ts'
import type { Trust } from '../secrets.ts'
import { checkSecretName } from './new-secret.ts'

/** Longest issuer, audience, name or value of a claim, in characters. */
const MAX_TEXT_LENGTH = 512
/** Required claims of one trust. */
const MAX_CLAIMS = 20
/** Longest authorities or keys, in characters: they are stored in a row. */
const MAX_DOCUMENT_LENGTH = 64 * 1024
/** Claims that are checked for every token, and say nothing about its workload. */
const GENERAL_CLAIMS: ReadonlySet<string> = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti'])

/**
 * Checks a trust. Public issuers sign tokens for everyone: only the required claims tell one's own jobs from those of
 * strangers, so that at least one must have a value. Errors: `AccountError` `NAME_INVALID`, `TRUST_INVALID`.
 */
export function checkTrust(trust: Trust): void {
  checkSecretName(trust.name, 'trust')
  const { issuer, audience, requiredClaims, ca = '', jwks = '' } = trust
  const url = URL.parse(issuer)
  if (url?.protocol !== 'https:' || url.username !== '' || url.search !== '' || url.hash !== '')
    refuse(`The issuer "${issuer.slice(0, MAX_TEXT_LENGTH)}" is no https:// address`)
  const claims = Object.entries(requiredClaims)
  const texts = [issuer, audience ?? '-', ...claims.flat()]
  if (texts.some((text) => text === '' || text.length > MAX_TEXT_LENGTH))
    refuse(`The issuer, the audience, and names and values of claims have 1 to ${MAX_TEXT_LENGTH} characters`)
  if (claims.length > MAX_CLAIMS) refuse(`There are more than ${MAX_CLAIMS} required claims`)
  const general = claims.find(([name]) => GENERAL_CLAIMS.has(name))
  if (general) refuse(`The claim "${general[0]}" is checked for every token and cannot be required`)
  if (!claims.some(([, value]) => /[^*/:]/.test(value)))
    refuse(
      'No required claim has a value: every token of the issuer, also those of strangers, would be trusted',
    )
  if (ca.length > MAX_DOCUMENT_LENGTH || jwks.length > MAX_DOCUMENT_LENGTH)
    refuse(`The authorities or the keys are longer than ${MAX_DOCUMENT_LENGTH} characters`)
  if (ca !== '' && !ca.includes('-----BEGIN CERTIFICATE-----'))
    refuse('The authorities of the issuer are no certificates in PEM')
  if (jwks !== '' && !isKeySet(jwks)) refuse('The keys of the issuer are no JWK Set')
}

function isKeySet(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && 'keys' in value && Array.isArray(value.keys)
  } catch {
    return false
  }
}

function refuse(message: string): never {
  throw new AccountError('TRUST_INVALID', message)
}
