import { createHash, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY_MS = 24 * 3600 * 1000

/** Deliberate faults of a certificate: its names, its key, or the chain after it. */
export interface Forgery {
  readonly names?: readonly string[]
  readonly key?: boolean
  readonly chain?: boolean
}

/** Options of signing. */
interface SigningOptions {
  readonly names: readonly string[]
  readonly notBefore: Date
  readonly notAfter: Date
  readonly forge: Forgery
  readonly authority: Authority
}

/** Signs a request; the chain is leaf and root, PEM. */
export async function signRequest(
  request: x509.Pkcs10CertificateRequest,
  options: SigningOptions,
): Promise<string> {
  const { names, notBefore, notAfter, forge, authority } = options
  const other = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const leaf = await x509.X509CertificateGenerator.create({
    serialNumber: `00${createHash('sha256').update(randomBytes(8)).digest('hex').slice(0, 30)}`,
    ...{ subject: `CN=${names[0]}`, issuer: authority.certificate.subject, notBefore, notAfter },
    signingAlgorithm: EC,
    publicKey: forge.key === true ? other.publicKey : request.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        (forge.names ?? names).map((value) => ({ type: 'dns', value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority.keys.publicKey),
    ],
  })
  const issuer = forge.chain === true ? await makeAuthority('Other') : authority
  return `${leaf.toString('pem')}\n${issuer.certificate.toString('pem')}\n`
}

/** A CA's root. */
export interface Authority {
  readonly keys: webcrypto.CryptoKeyPair
  readonly certificate: x509.X509Certificate
}

/** A new self-signed root. */
export async function makeAuthority(name: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: `CN=${name} CA`, keys, signingAlgorithm: EC },
    ...{ notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 3650 * DAY_MS) },
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { keys, certificate }
}

/** The DNS names of a request. */
export function namesOf(request: x509.Pkcs10CertificateRequest): string[] {
  const extension = request.extensions.find((each) => each instanceof x509.SubjectAlternativeNameExtension)
  return (extension?.names.items ?? []).map(({ value }) => value)
}
