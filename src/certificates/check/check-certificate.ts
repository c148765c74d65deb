import type { KeyObject, X509Certificate } from 'node:crypto'
import { type CertificateBundle, makeBundle } from '../x509/certificate-bundle.ts'
import {
  coversHost,
  hasKey,
  hostKey,
  isMustStaple,
  isSelfSigned,
  isSignedBy,
  namesOf,
  shortName,
} from '../x509/x509-facts.ts'
import { describeEnd } from './describe-end.ts'
import { type CertificateFinding, finding } from './findings.ts'

const DAY_MS = 86_400_000
/** Use of a key for TLS servers, and for everything (RFC 5280 section 4.2.1.12). */
const SERVER_USES = ['1.3.6.1.5.5.7.3.1', '2.5.29.37.0']
/** Part of its life below which a certificate should have been renewed. */
const RENEWAL_SHARE = 1 / 3
/** Longest life that every client takes, in days: Apple's limit for public CAs, and its own for others. */
const MAX_DAYS = { public: 398, own: 825 } as const
const MIN_RSA_BITS = 2048
/** Curves that every client knows. */
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
/** Most hosts named in one sentence. */
const MAX_NAMED = 5

/** A certificate to check. */
export interface CheckRequest {
  /** In the order of the file, or of the handshake. */
  readonly certificates: readonly X509Certificate[]
  /** Given keys; undefined: no key is expected, as with a live host. */
  readonly keys: readonly KeyObject[] | undefined
  /** Hosts that it has to cover. */
  readonly hosts: readonly string[]
  readonly roots: readonly X509Certificate[]
  /** Roots of one's own: a chain that ends there is complete, though not trusted by default. */
  readonly ownRoots?: readonly X509Certificate[] | undefined
  /** Unix time in ms. */
  readonly now: number
}

/** Result of a check. */
export interface CheckResult {
  /** Errors first. */
  readonly findings: readonly CertificateFinding[]
  readonly bundle: CertificateBundle | undefined
  /** True if a client that fetches no intermediates, such as Docker, accepts it. */
  readonly isAccepted: boolean
}

/**
 * Checks a certificate as a Go client does, such as Docker: the chain from the given certificates and the system's
 * roots alone, names from the alternative names alone. All checks are made, whatever the result of those before.
 */
export function checkCertificate(request: CheckRequest): CheckResult {
  const { certificates, keys, hosts, now } = request
  const bundle = makeBundle({ ...request, keys: keys ?? [], host: hosts[0] })
  if (!bundle) {
    const missing = finding('CERTIFICATE_MISSING', 'There is no certificate of a host')
    return { findings: [missing], bundle, isAccepted: false }
  }
  const found = [
    ...(keys ? checkKey(bundle.leaf, keys) : []),
    ...checkOrder(certificates, bundle),
    ...describeEnd(bundle),
    ...checkSignatures(certificates, bundle),
    ...checkTimes(bundle, now),
    ...checkNames(bundle.leaf, hosts),
    ...checkUse(bundle),
    ...checkStrength(bundle),
  ]
  const findings = sortFindings(found)
  const isAccepted = bundle.end === 'trusted' && !findings.some(({ severity }) => severity === 'error')
  return { findings, bundle, isAccepted }
}

/** Errors first, each kind in the order in which it was found; the same sentence once. */
export function sortFindings(findings: readonly CertificateFinding[]): CertificateFinding[] {
  const order = { error: 0, warning: 1, info: 2 }
  const distinct = new Map(findings.map((entry) => [`${entry.code} ${entry.sentence}`, entry]))
  return [...distinct.values()].sort((a, b) => order[a.severity] - order[b.severity])
}

function checkKey(leaf: X509Certificate, keys: readonly KeyObject[]): CertificateFinding[] {
  if (keys.some((key) => hasKey(leaf, key))) return []
  const name = shortName(leaf.subject)
  return [
    keys.length === 0
      ? finding('KEY_MISSING', `There is no private key for the certificate of ${name}`)
      : finding('KEY_MISMATCH', `The private key is not that of the certificate of ${name}`),
  ]
}

function checkOrder(
  certificates: readonly X509Certificate[],
  bundle: CertificateBundle,
): CertificateFinding[] {
  const { leaf, chain, leftOut } = bundle
  const isIn = (certificate: X509Certificate): boolean =>
    chain.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)
  const used = certificates.filter(isIn)
  const isOrdered = chain.every((entry, index) => entry.fingerprint256 === used[index]?.fingerprint256)
  const isFirst = certificates[0]?.fingerprint256 === leaf.fingerprint256
  const order = !isFirst
    ? [
        finding(
          'LEAF_NOT_FIRST',
          `The file begins with ${shortName(certificates[0]?.subject)} in place of ${shortName(leaf.subject)}: the key does not fit the first certificate`,
        ),
      ]
    : isOrdered
      ? []
      : [
          finding(
            'CHAIN_ORDER',
            `The certificates are not in order; it is ${chain.map(({ subject }) => shortName(subject)).join(', ')}`,
          ),
        ]
  return [...order, ...leftOut.map(describeLeftOut)]
}

function describeLeftOut({ certificate, reason }: CertificateBundle['leftOut'][number]): CertificateFinding {
  const name = shortName(certificate.subject)
  switch (reason) {
    case 'root':
      return finding('ROOT_INCLUDED', `The root ${name} is part of the bundle`)
    case 'duplicate':
      return finding('CERTIFICATE_SURPLUS', `${name} is there twice`)
    case 'expired':
      return finding(
        'CERTIFICATE_SURPLUS',
        `${name}, signed by ${shortName(certificate.issuer)}, has expired on ${day(certificate.validToDate)}: clients that follow it refuse the host`,
      )
    case 'not-needed':
    case 'other-host':
      return finding('CERTIFICATE_SURPLUS', `${name} does not belong to the chain`)
  }
}

/**
 * Finds an issuer by its name whose key did not sign: something was changed, or the CA has several keys of one name.
 */
function checkSignatures(
  certificates: readonly X509Certificate[],
  { chain, end }: CertificateBundle,
): CertificateFinding[] {
  const top = chain.at(-1)
  if (!top || end !== 'incomplete') return []
  const named = certificates.filter((other) => other.ca && top.checkIssued(other))
  const [issuer] = named
  if (!issuer || named.some((other) => isSignedBy(top, other))) return []
  const sentence = `The signature of ${shortName(top.subject)} was not made by the key of ${shortName(issuer.subject)}, which its issuer is called`
  return [finding('SIGNATURE_INVALID', sentence)]
}

function checkTimes({ leaf, chain }: CertificateBundle, now: number): CertificateFinding[] {
  const late = chain.flatMap((certificate) => {
    const { validFromDate, validToDate, subject } = certificate
    const code = certificate === leaf ? 'EXPIRED' : 'INTERMEDIATE_EXPIRED'
    if (validToDate.getTime() <= now)
      return [finding(code, `${shortName(subject)} has expired on ${day(validToDate)}`)]
    if (validFromDate.getTime() > now)
      return [finding('NOT_YET_VALID', `${shortName(subject)} is valid only from ${day(validFromDate)}`)]
    return []
  })
  const left = leaf.validToDate.getTime() - now
  const life = leaf.validToDate.getTime() - leaf.validFromDate.getTime()
  if (late.length > 0 || left >= life * RENEWAL_SHARE) return late
  const days = Math.floor(left / DAY_MS)
  return [
    finding(
      'EXPIRES_SOON',
      `It expires on ${day(leaf.validToDate)}, in ${days} days: less than a third of its life is left`,
    ),
  ]
}

function checkNames(leaf: X509Certificate, hosts: readonly string[]): CertificateFinding[] {
  const names = namesOf(leaf)
  if (names.dns.length + names.addresses.length === 0)
    return [finding('NO_ALTERNATIVE_NAMES', 'It has a common name only, and no alternative names')]
  const odd = names.dns.filter((name) => !/^[\x21-\x7e]+$/.test(name))
  const uncovered = hosts.filter((host) => !coversHost(names, hostKey(host)))
  const all = [...names.dns, ...names.addresses]
  return [
    ...odd.map((name) =>
      finding('NAME_NOT_ASCII', `The name ${JSON.stringify(name)} is not in its xn-- form`),
    ),
    ...uncovered.map((host) =>
      finding('NAME_NOT_COVERED', `It does not stand for ${host}, but for ${listed(all)}`),
    ),
  ]
}

function checkUse({ leaf, chain, end }: CertificateBundle): CertificateFinding[] {
  const found: CertificateFinding[] = []
  // OpenSSL makes self-signed certificates CAs by default, and clients accept them.
  if (leaf.ca && !isSelfSigned(leaf))
    found.push(finding('LEAF_IS_CA', `${shortName(leaf.subject)} is the certificate of a CA`))
  const uses = leaf.keyUsage
  if (uses && !uses.some((use) => SERVER_USES.includes(use)))
    found.push(finding('NO_SERVER_USE', 'It was not issued for servers'))
  if (isMustStaple(leaf))
    found.push(finding('MUST_STAPLE', 'It asks the server for an OCSP answer in each handshake'))
  const days = Math.ceil((leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / DAY_MS)
  const limit = end === 'trusted' && chain.length > 1 ? MAX_DAYS.public : MAX_DAYS.own
  if (days > limit) found.push(finding('LIFETIME_LONG', `It is valid for ${days} days`))
  return found
}

function checkStrength({ chain }: CertificateBundle): CertificateFinding[] {
  return chain.flatMap((certificate) => {
    const name = shortName(certificate.subject)
    const algorithm = certificate.signatureAlgorithm ?? ''
    const signature = /md5|md4|md2|sha1(?!\d)|^dsa-with-sha$/i.test(algorithm)
      ? [finding('SIGNATURE_WEAK', `${name} is signed with ${algorithm}, which clients refuse`)]
      : []
    return [...signature, ...checkKeyStrength(certificate, name)]
  })
}

function checkKeyStrength(certificate: X509Certificate, name: string): CertificateFinding[] {
  let key: KeyObject
  try {
    key = certificate.publicKey
  } catch {
    return [finding('KEY_WEAK', `The key of ${name} is of a kind that TLS does not use`)]
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS)
    return [finding('KEY_WEAK', `The key of ${name} has ${modulusLength} bits; ${MIN_RSA_BITS} are needed`)]
  if (namedCurve !== undefined && !CURVES.includes(namedCurve))
    return [
      finding('KEY_WEAK', `The key of ${name} is on the curve ${namedCurve}, which clients do not know`),
    ]
  return []
}

function listed(names: readonly string[]): string {
  const more = names.length - MAX_NAMED
  return `${names.slice(0, MAX_NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
