import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { der, derInteger, TAG } from '../der.ts'
import { commonName, signatureAlgorithm, signDer } from './certificate-request.ts'
import { acmeIdentifier, subjectAltName } from './x509-extensions.ts'

/** ALPN protocol of the challenge (RFC 8737 section 6.2). */
export const ACME_TLS_PROTOCOL = 'acme-tls/1'
/** Validity of the certificate before and after now, in ms: it is used for minutes only; clocks differ. */
const VALIDITY_MS = 24 * 3600 * 1000
const TAG_VERSION = 0xa0
const TAG_EXTENSIONS = 0xa3

/** A certificate and its key. */
interface PemPair {
  readonly certificatePem: string
  readonly keyPem: string
}

/** The self-signed certificate that proves control over a name (RFC 8737 section 3). */
export function makeAlpnCertificate(name: string, keyAuthorization: string, now: number): PemPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const digest = createHash('sha256').update(keyAuthorization).digest()
  const subject = commonName('ACME challenge')
  const body = der(
    TAG.sequence,
    der(TAG_VERSION, derInteger(Buffer.of(2))),
    derInteger(randomBytes(15)),
    signatureAlgorithm(privateKey),
    subject,
    der(TAG.sequence, time(now - VALIDITY_MS), time(now + VALIDITY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(TAG_EXTENSIONS, der(TAG.sequence, subjectAltName([name]), acmeIdentifier(digest))),
  )
  return {
    certificatePem: toPem('CERTIFICATE', signDer(body, privateKey)),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** The context of {@link makeAlpnCertificate} for a listener. The listener negotiates {@link ACME_TLS_PROTOCOL} itself. */
export function makeAlpnContext(name: string, keyAuthorization: string, now: number): SecureContext {
  const pair = makeAlpnCertificate(name, keyAuthorization, now)
  return createSecureContext({ cert: pair.certificatePem, key: pair.keyPem })
}

function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(TAG.generalizedTime, Buffer.from(text))
}
