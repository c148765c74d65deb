import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { AcmeError } from './requests/acme-error.ts'

/** Most certificates in a chain: none that is in use has more than four. */
const MAX_CHAIN_LENGTH = 10
/** Accepted difference of clocks at the start of a certificate's validity, in ms. */
const CLOCK_SKEW_MS = 3600 * 1000
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** Requirements on a certificate. */
export interface ChainExpectation {
  readonly names: readonly string[]
  readonly keyPem: string
  /** Unix time in ms. */
  readonly now: number
}

/** A chain that fits its key and names. */
export interface CheckedChain {
  /** Leaf first, issuers after it. */
  readonly pem: string
  /** Unix times in ms. */
  readonly notBefore: number
  readonly notAfter: number
  /** Common name of the last issuer, by which a chain is preferred. */
  readonly topIssuer: string
}

/**
 * Checks a CA's certificate before it replaces another: the leaf has our key and all names, is valid now, and each
 * certificate is signed by the next. Trust in the top is not checked: a CA may be one's own. Errors:
 * `ACME_CERTIFICATE_UNUSABLE`.
 */
export function checkChain(pem: string, expected: ChainExpectation): CheckedChain {
  const texts = pem.match(PEM_CERTIFICATE) ?? []
  if (texts.length > MAX_CHAIN_LENGTH) throw unusable(`has ${texts.length} certificates in its chain`)
  const chain = texts.map(parse)
  const [leaf] = chain
  if (leaf === undefined) throw unusable('holds no certificate')
  if (!leaf.checkPrivateKey(createPrivateKey(expected.keyPem))) throw unusable('is not for the requested key')
  const missing = expected.names.filter((name) => !covers(leaf, name))
  if (missing.length > 0) throw unusable(`lacks ${missing.join(', ')}`)
  const notBefore = leaf.validFromDate.getTime()
  const notAfter = leaf.validToDate.getTime()
  if (notAfter <= expected.now) throw unusable(`has expired on ${leaf.validToDate.toISOString()}`)
  if (notBefore > expected.now + CLOCK_SKEW_MS)
    throw unusable(
      `starts only on ${leaf.validFromDate.toISOString()}: the clock of this machine may be wrong`,
    )
  for (const [index, issuer] of chain.slice(1).entries()) {
    const issued = chain[index]
    if (issued === undefined || !issued.checkIssued(issuer) || !issued.verify(issuer.publicKey))
      throw unusable(
        `is followed by a certificate that did not sign the one before: ${oneLine(issuer.subject)}`,
      )
  }
  return { pem: `${texts.join('\n')}\n`, notBefore, notAfter, topIssuer: topIssuer(pem) }
}

/** Common name of the issuer of the last certificate; empty if it has none. Errors: `ACME_CERTIFICATE_UNUSABLE`. */
export function topIssuer(pem: string): string {
  const last = pem.match(PEM_CERTIFICATE)?.at(-1)
  if (last === undefined) throw unusable('holds no certificate')
  return /(?:^|\n)CN=(.*)/.exec(parse(last).issuer)?.[1] ?? ''
}

function parse(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (error) {
    throw unusable('cannot be read', error)
  }
}

function covers(leaf: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return leaf.checkIP(name) !== undefined
  if (!name.startsWith('*.')) return leaf.checkHost(name, { subject: 'never' }) !== undefined
  return (leaf.subjectAltName ?? '').toLowerCase().split(', ').includes(`dns:${name}`)
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ', ').slice(0, 200)
}

function unusable(what: string, cause?: unknown): AcmeError {
  return new AcmeError(
    'ACME_CERTIFICATE_UNUSABLE',
    `the certificate that the CA sent ${what}; the one in use is kept`,
    'This is a fault of the CA, or of what stands between. Berth tries again by itself.',
    { cause },
  )
}
