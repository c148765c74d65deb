import { createHash, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import { readBer, readBerList } from '../ber.ts'
import { der, derInteger, derOid, TAG } from '../der.ts'
import { formatPem } from '../pem.ts'
import { readSubject } from '../x509-facts.ts'
import { signatureAlgorithm, signDer } from './certificate-request.ts'
import { addressBytes, subjectAltName } from './x509-extensions.ts'

const TAG_VERSION = 0xa0
const TAG_EXTENSIONS = 0xa3
const TAG_UTC_TIME = 0x17
const TAG_URI = 0x86
const CA_ISSUERS = derOid('1.3.6.1.5.5.7.48.2')
const SERVER_AUTH = derOid('1.3.6.1.5.5.7.3.1')
/** Bits of the key usage extension (RFC 5280 section 4.2.1.3), as their byte and the number of unused bits. */
const KEY_USAGE = {
  signature: Buffer.of(7, 0x80),
  signatureAndKeyEncipherment: Buffer.of(5, 0xa0),
  certificatesAndLists: Buffer.of(1, 0x06),
} as const

/** Names that a CA may sign for; no others (RFC 5280 section 4.2.1.10). */
interface NameConstraints {
  /** Each includes itself and all below it. */
  readonly domains: readonly string[]
  /** Networks, such as `10.0.0.0/8`. */
  readonly networks: readonly string[]
}

/** Properties of a CA's certificate. */
interface Authority {
  /** CAs that may follow below it; any number if undefined. */
  readonly pathLength?: number
  readonly constraints?: NameConstraints | undefined
}

/** Content of a certificate. */
interface CertificateRequestBody {
  /** Distinguished name in DER; see `subjectName()`. */
  readonly subject: Buffer
  readonly publicKey: KeyObject
  /** Names of a server; a CA has none. */
  readonly names?: readonly string[]
  /** URLs of the issuer's certificate. */
  readonly issuerUrls?: readonly string[] | undefined
  /** Present for a CA's certificate. */
  readonly authority?: Authority
  /** Unix times in ms. */
  readonly notBefore: number
  readonly notAfter: number
}

/** Signer of a certificate: a CA, or undefined for a self-signed one. */
interface Signer {
  readonly key: KeyObject
  readonly certificate: X509Certificate | undefined
}

/** Makes and signs a certificate for a server or a CA (RFC 5280), as PEM. */
export function makeCertificate(body: CertificateRequestBody, signer: Signer): string {
  const { subject, publicKey, notBefore, notAfter } = body
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const issuer = signer.certificate
  const extensions = [
    ...(body.authority ? authorityExtensions(body.authority) : serverExtensions(body)),
    extension('2.5.29.14', der(TAG.octetString, keyId(spki))),
    extension('2.5.29.35', der(TAG.sequence, der(0x80, issuer ? keyId(exportSpki(issuer)) : keyId(spki)))),
  ]
  const tbs = der(
    TAG.sequence,
    der(TAG_VERSION, derInteger(Buffer.of(2))),
    derInteger(serialNumber()),
    signatureAlgorithm(signer.key),
    issuer ? readSubject(issuer) : subject,
    der(TAG.sequence, time(notBefore), time(notAfter)),
    subject,
    spki,
    der(TAG_EXTENSIONS, der(TAG.sequence, ...extensions)),
  )
  return formatPem('CERTIFICATE', signDer(tbs, signer.key))
}

function serverExtensions({ names = [], publicKey, issuerUrls = [] }: CertificateRequestBody): Buffer[] {
  const usage =
    publicKey.asymmetricKeyType === 'rsa' ? KEY_USAGE.signatureAndKeyEncipherment : KEY_USAGE.signature
  return [
    extension('2.5.29.19', der(TAG.sequence), true),
    extension('2.5.29.15', der(TAG.bitString, usage), true),
    extension('2.5.29.37', der(TAG.sequence, SERVER_AUTH)),
    ...(names.length > 0 ? [subjectAltName(names)] : []),
    ...(issuerUrls.length > 0
      ? [extension('1.3.6.1.5.5.7.1.1', der(TAG.sequence, ...issuerUrls.map(issuerAt)))]
      : []),
  ]
}

/** URL of the issuer's certificate (RFC 5280 section 4.2.2.1). */
function issuerAt(url: string): Buffer {
  return der(TAG.sequence, CA_ISSUERS, der(TAG_URI, Buffer.from(url, 'latin1')))
}

function authorityExtensions({ pathLength, constraints }: Authority): Buffer[] {
  const length = pathLength === undefined ? [] : [derInteger(Buffer.of(pathLength))]
  const basic = der(TAG.sequence, der(TAG.boolean, Buffer.of(0xff)), ...length)
  return [
    extension('2.5.29.19', basic, true),
    extension('2.5.29.15', der(TAG.bitString, KEY_USAGE.certificatesAndLists), true),
    ...(constraints ? [extension('2.5.29.30', permitted(constraints), true)] : []),
  ]
}

function permitted({ domains, networks }: NameConstraints): Buffer {
  const trees = [
    ...domains.map((domain) => der(0x82, Buffer.from(domain, 'latin1'))),
    ...networks.map((network) => der(0x87, networkBytes(network))),
  ].map((base) => der(TAG.sequence, base))
  return der(TAG.sequence, der(0xa0, ...trees))
}

/** The address and the mask, one after the other. */
function networkBytes(network: string): Buffer {
  const [address = '', bits = ''] = network.split('/')
  if (isIP(address) === 0) throw new TypeError(`no network: ${network}`)
  const mask = Buffer.alloc(isIPv6(address) ? 16 : 4)
  for (let bit = 0; bit < Number(bits); bit++) {
    const index = bit >> 3
    mask[index] = (mask[index] ?? 0) | (0x80 >> (bit & 7))
  }
  return Buffer.concat([addressBytes(address), mask])
}

function extension(oid: string, value: Buffer, isCritical = false): Buffer {
  const critical = isCritical ? [der(TAG.boolean, Buffer.of(0xff))] : []
  return der(TAG.sequence, derOid(oid), ...critical, der(TAG.octetString, value))
}

/** Not guessable and never negative (RFC 5280 section 4.1.2.2); its first byte is not zero either. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes
}

/** SHA-1 of the key's bits, as RFC 5280 section 4.2.1.2 proposes: a name, no protection. */
function keyId(spki: Buffer): Buffer {
  const bits = readBerList(readBer(spki)?.content ?? Buffer.alloc(0))[1]
  return createHash('sha1')
    .update(bits?.content.subarray(1) ?? spki)
    .digest()
}

function exportSpki(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: 'spki', format: 'der' })
}

/** Years before 2050 have two digits (RFC 5280 section 4.1.2.5). */
function time(at: number): Buffer {
  const text = `${new Date(at).toISOString().replace(/[-:T]|\.\d+Z/g, '')}Z`
  return Number(text.slice(0, 4)) < 2050
    ? der(TAG_UTC_TIME, Buffer.from(text.slice(2)))
    : der(TAG.generalizedTime, Buffer.from(text))
}
