import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { bundleToPem, keyToPem, makeBundle } from './certificate-bundle.ts'
import { CertificateError, reasonOf } from './certificate-error.ts'
import { type MailedFile, readMailedFiles } from './mailed-files.ts'
import { type CertificateNames, hasKey, hostKey, namesOf, readCertificate, shortName } from './x509-facts.ts'

/** A chain, leaf first, and its key, both PEM. */
export interface PairText {
  readonly chainPem: string
  readonly keyPem: string
}

/** A chain and its key that were loaded once by the TLS library. */
export interface Pair {
  readonly names: CertificateNames
  /** Unix times in ms. */
  readonly notBefore: number
  readonly notAfter: number
  /** Common name of its issuer. */
  readonly issuer: string
  /** SHA-256 of the first certificate, upper-case hex with colons. */
  readonly fingerprint: string
  readonly isSelfSigned: boolean
  /** Leaf first, roots left out. */
  readonly chainPem: string
  readonly keyPem: string
}

/** Checks that a chain and a key are fit to be served. Errors: `CERTIFICATE_UNUSABLE`, `CERTIFICATE_KEY_MISMATCH`. */
export function checkPair({ chainPem, keyPem }: PairText): void {
  const leaf = readCertificate(chainPem)
  if (!leaf) throw unusable('The certificate cannot be read')
  let key: KeyObject
  try {
    key = createPrivateKey(keyPem)
  } catch (error) {
    throw unusable('The key cannot be read', error)
  }
  if (!hasKey(leaf, key)) throw mismatch(leaf)
  createPairContext({ chainPem, keyPem })
}

/** The context of a TLS server with a pair. Errors: `CERTIFICATE_UNUSABLE`. */
export function createPairContext({ chainPem, keyPem }: PairText): SecureContext {
  try {
    // Without `ca` each context would hold all public roots, to check clients by, which is never done with it.
    return createSecureContext({ cert: chainPem, key: keyPem, ca: [] })
  } catch (error) {
    throw unusable(`The TLS library refuses the certificate (${reasonOf(error)})`, error)
  }
}

/**
 * Makes a pair of the files of a folder: certificate and key in any form and order, and further files that may hold
 * issuers. Errors: `CertificateError` of each kind, if there is nothing that could be served.
 */
export function makePair(files: readonly MailedFile[], now: number, host?: string): Pair {
  const { certificates, keys, encryptedKeys, problems } = readMailedFiles(files)
  const bundle = makeBundle({
    certificates: certificates.map(({ value }) => value),
    keys: keys.map(({ value }) => value),
    host: host === undefined ? undefined : hostKey(host),
    roots: [],
    now,
  })
  if (!bundle)
    throw unusable(problems[0] ? `The file ${problems[0].value}` : 'There is no certificate of a host')
  if (!bundle.key)
    throw whyNoKey(bundle.leaf, { isEncrypted: encryptedKeys.length > 0, isThere: keys.length > 0 })
  const text = { chainPem: bundleToPem(bundle), keyPem: keyToPem(bundle.key) }
  createPairContext(text)
  return {
    ...text,
    names: namesOf(bundle.leaf),
    notBefore: bundle.leaf.validFromDate.getTime(),
    notAfter: bundle.leaf.validToDate.getTime(),
    issuer: shortName(bundle.leaf.issuer),
    fingerprint: bundle.leaf.fingerprint256,
    isSelfSigned: bundle.end === 'self-signed',
  }
}

function whyNoKey(
  leaf: X509Certificate,
  { isEncrypted, isThere }: { isEncrypted: boolean; isThere: boolean },
): CertificateError {
  if (isThere) return mismatch(leaf)
  if (isEncrypted)
    return new CertificateError(
      'CERTIFICATE_KEY_ENCRYPTED',
      'The key is encrypted with a passphrase',
      'Store it without one: "berth cert install" asks for it once',
    )
  return new CertificateError(
    'CERTIFICATE_KEY_MISSING',
    `There is no key for the certificate of ${shortName(leaf.subject)}`,
    'Put the key that was made with the CSR beside it, with the ending .key',
  )
}

function mismatch(leaf: X509Certificate): CertificateError {
  return new CertificateError(
    'CERTIFICATE_KEY_MISMATCH',
    `The key is not that of the certificate of ${shortName(leaf.subject)}`,
    'Find the key that was made with the CSR of this certificate, or have it issued anew for a new CSR',
  )
}

function unusable(message: string, cause?: unknown): CertificateError {
  return new CertificateError('CERTIFICATE_UNUSABLE', message, 'Get the certificate anew from the CA', cause)
}
