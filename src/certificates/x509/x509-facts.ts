import { type KeyObject, X509Certificate } from 'node:crypto'
import { isIP, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import { type BerElement, readBer, readBerList, readOid } from './ber.ts'

/** Object identifiers of extensions (RFC 5280 section 4.2; RFC 7633). */
const SUBJECT_ALT_NAME = '2.5.29.17'
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24'
/** Context tags inside a certificate and its alternative names. */
const TAG_EXTENSIONS = 0xa3
const TAG_DNS_NAME = 0x82
const TAG_IP_ADDRESS = 0x87

/** The names of a certificate; DNS names in lower case ASCII. */
export interface CertificateNames {
  readonly dns: readonly string[]
  readonly addresses: readonly string[]
}

/** The subject of a certificate, byte for byte, DER. */
export function readSubject(certificate: X509Certificate): Buffer {
  const [tbs] = readBerList(readBer(certificate.raw)?.content ?? Buffer.alloc(0))
  const subject = readBerList(tbs?.content ?? Buffer.alloc(0))[5]
  if (!subject) throw new TypeError('the certificate has no subject')
  return subject.raw
}

/** Reads a certificate in DER or PEM; undefined if it is none, or has an invalid date. */
export function readCertificate(bytes: Buffer | string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(bytes)
    const times = [certificate.validFromDate, certificate.validToDate].map((date) => date.getTime())
    return times.every(Number.isFinite) ? certificate : undefined
  } catch {
    return undefined
  }
}

/** The names of a certificate, from its alternative names alone: clients no longer read the common name. */
export function namesOf(certificate: X509Certificate): CertificateNames {
  const value = extensionsOf(certificate).get(SUBJECT_ALT_NAME)
  const entries = readBerList(readBer(value ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0))
  return {
    dns: entries
      .filter(({ tag }) => tag === TAG_DNS_NAME)
      .map(({ content }) => content.toString('latin1').toLowerCase()),
    addresses: entries.flatMap(({ tag, content }) =>
      tag === TAG_IP_ADDRESS ? (formatAddress(content) ?? []) : [],
    ),
  }
}

/** True if names cover a host: a star matches one label, and never part of one. `host` is {@link hostKey}'s. */
export function coversHost({ dns, addresses }: CertificateNames, host: string): boolean {
  if (isIP(host) !== 0) return addresses.includes(host)
  if (dns.includes(host)) return true
  const dot = host.indexOf('.')
  return dot > 0 && !host.startsWith('*.') && dns.includes(`*${host.slice(dot)}`)
}

/** A host in the form for comparisons: lower case, punycode, no dot at the end, addresses in their shortest form. */
export function hostKey(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  if (isIPv6(bare)) return shortAddress(bare)
  const lower = bare.toLowerCase().replace(/\.$/, '')
  // Wildcards and underscores are no names of hosts, so the conversion refuses some of them; they are ASCII already.
  return /^[\x21-\x7e]*$/.test(lower) ? lower : domainToASCII(lower) || lower
}

/** True if the certificate is signed by its own key: a root, or a self-signed server's. */
export function isSelfSigned(certificate: X509Certificate): boolean {
  try {
    // Not by `checkIssued`: the use of a server's key does not include signing certificates, not even its own.
    return certificate.subject === certificate.issuer && certificate.verify(certificate.publicKey)
  } catch {
    return false
  }
}

/** True if `issuer` signed it, by names and by signature. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    // A key of a kind this program does not know.
    return false
  }
}

/** True if it is valid at a time, Unix time in ms. */
export function isValidAt(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now < certificate.validToDate.getTime()
}

/** True if the key is the certificate's. */
export function hasKey(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key)
  } catch {
    return false
  }
}

/** URLs of the issuer's certificate (RFC 5280 section 4.2.2.1). */
export function issuerUrlsOf(certificate: X509Certificate): string[] {
  const lines = (certificate.infoAccess ?? '').split('\n')
  return lines.flatMap((line) => {
    const url = /^CA Issuers - URI:"?(https?:\/\/[^\s"]{1,500})"?$/.exec(line)?.[1]
    return url === undefined ? [] : [url]
  })
}

/**
 * True if it requires servers to send an OCSP answer with every handshake (RFC 7633), which no CA can give any more.
 */
export function isMustStaple(certificate: X509Certificate): boolean {
  return extensionsOf(certificate).has(TLS_FEATURE)
}

/** The common name of a subject or issuer, or all of it in one line. */
export function shortName(name: string | undefined): string {
  const text = name ?? ''
  const short = /(?:^|\n)CN=(.*)/.exec(text)?.[1] ?? text.replaceAll('\n', ', ')
  return short === '' ? '(without a name)' : short.slice(0, 120)
}

/** Values of the extensions by object identifier. */
export function extensionsOf(certificate: X509Certificate): Map<string, Buffer> {
  const [body] = readBerList(readBer(certificate.raw)?.content ?? Buffer.alloc(0))
  const wrapped = readBerList(body?.content ?? Buffer.alloc(0)).find(({ tag }) => tag === TAG_EXTENSIONS)
  const list = readBerList(readBer(wrapped?.content ?? Buffer.alloc(0))?.content ?? Buffer.alloc(0))
  return new Map(list.flatMap(readExtension))
}

function readExtension(extension: BerElement): [string, Buffer][] {
  const parts = readBerList(extension.content)
  const oid = readOid(parts[0])
  const value = parts.at(-1)
  return oid === undefined || value === undefined ? [] : [[oid, value.content]]
}

/** An address from its bytes; undefined for another number of them. */
export function formatAddress(bytes: Buffer): string | undefined {
  if (bytes.length === 4) return [...bytes].join('.')
  if (bytes.length !== 16) return undefined
  return shortAddress(bytes.toString('hex').replace(/(.{4})(?=.)/g, '$1:'))
}

function shortAddress(address: string): string {
  return URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address
}
