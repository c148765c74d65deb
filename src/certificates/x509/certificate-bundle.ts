import type { KeyObject, X509Certificate } from 'node:crypto'
import { formatPem } from './pem.ts'
import {
  coversHost,
  hasKey,
  hostKey,
  isSelfSigned,
  isSignedBy,
  issuerUrlsOf,
  isValidAt,
  namesOf,
  shortName,
} from './x509-facts.ts'

/** Longest chain; none in use has more than four certificates. */
export const MAX_CHAIN_LENGTH = 10

/** Parts and requirements of a bundle. */
export interface BundleParts {
  readonly certificates: readonly X509Certificate[]
  readonly keys: readonly KeyObject[]
  /** Host the bundle is for; undefined: any that the certificate has. */
  readonly host?: string | undefined
  /** Roots that clients have; a chain that ends below one of them is complete. */
  readonly roots: readonly X509Certificate[]
  /** Roots of one's own, which clients do not have by default. */
  readonly ownRoots?: readonly X509Certificate[] | undefined
  /** Unix time in ms. */
  readonly now: number
}

/** A certificate that is left out, and the reason. */
interface LeftOut {
  readonly certificate: X509Certificate
  readonly reason: 'duplicate' | 'root' | 'expired' | 'not-needed' | 'other-host'
}

/** An issuer that a chain lacks. */
interface MissingIssuer {
  /** Its common name. */
  readonly issuer: string
  /** Addresses of its certificate at the CA. */
  readonly urls: readonly string[]
  /** True if it is there, but has expired. */
  readonly isExpired: boolean
}

/** A bundle in the order servers send it. */
export interface CertificateBundle {
  readonly leaf: X509Certificate
  /** Undefined if none of the keys fits. */
  readonly key: KeyObject | undefined
  /** Leaf first, each signed by the next, without a root. */
  readonly chain: readonly X509Certificate[]
  /** `incomplete`: an issuer is missing; `untrusted`: it ends at a root that the system does not have. */
  readonly end: 'trusted' | 'untrusted' | 'self-signed' | 'incomplete'
  /** The missing issuer, if any. */
  readonly missing: MissingIssuer | undefined
  readonly leftOut: readonly LeftOut[]
}

/**
 * Orders certificates as servers must send them: finds the one that belongs to the key, or else to the host, and its
 * issuers, by name and by signature. Roots, duplicates and expired cross-signs are left out.
 * @returns undefined if there is no certificate for the key or the host.
 */
export function makeBundle(parts: BundleParts): CertificateBundle | undefined {
  const certificates = distinct(parts.certificates)
  const found = findLeaf(certificates, parts)
  if (!found) return undefined
  const { leaf, key } = found
  const { chain, end, missing } = climb(leaf, certificates, parts)
  return {
    leaf,
    key,
    chain,
    end,
    missing,
    leftOut: [
      ...duplicates(parts.certificates).map((certificate) => ({ certificate, reason: 'duplicate' as const })),
      ...certificates
        .filter((certificate) => !chain.includes(certificate))
        .map((certificate) => ({ certificate, reason: whyLeftOut(certificate, parts.now) })),
    ],
  }
}

/** The bundle as files of PEM. */
export function bundleToPem({ chain }: Pick<CertificateBundle, 'chain'>): string {
  return chain.map(({ raw }) => formatPem('CERTIFICATE', raw)).join('')
}

/** A private key as PEM (PKCS #8), without a passphrase. */
export function keyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function findLeaf(
  certificates: readonly X509Certificate[],
  { keys, host, now }: BundleParts,
): { leaf: X509Certificate; key: KeyObject | undefined } | undefined {
  const normalHost = host === undefined ? undefined : hostKey(host)
  const isForHost = (certificate: X509Certificate): boolean =>
    normalHost !== undefined && coversHost(namesOf(certificate), normalHost)
  const rank = (certificate: X509Certificate): number =>
    (isForHost(certificate) ? 4 : 0) + (certificate.ca ? 0 : 2) + (isValidAt(certificate, now) ? 1 : 0)
  const ranked = certificates
    .map((leaf) => ({ leaf, key: keys.find((key) => hasKey(leaf, key)), rank: rank(leaf) }))
    .sort((a, b) => b.rank - a.rank || b.leaf.validToDate.getTime() - a.leaf.validToDate.getTime())
  const withKey = ranked.filter(({ key }) => key !== undefined)
  const isHosts = ({ leaf }: { readonly leaf: X509Certificate }): boolean => !leaf.ca || isForHost(leaf)
  // A CA's certificate counts as the leaf only if it names the host, or if no other certificate fits and its key is
  // there or it is the only one: an operator with a CA of their own may give its key, too.
  return (
    withKey.find(isHosts) ??
    ranked.find(isHosts) ??
    withKey[0] ??
    (ranked.length === 1 ? ranked[0] : undefined)
  )
}

type SignedBy = (certificate: X509Certificate) => boolean
type End = Pick<CertificateBundle, 'chain' | 'end' | 'missing'>

function climb(leaf: X509Certificate, pool: readonly X509Certificate[], parts: BundleParts): End {
  const isTrusted = (certificate: X509Certificate): boolean =>
    parts.roots.some(
      (root) => root.fingerprint256 === certificate.fingerprint256 || isSignedBy(certificate, root),
    )
  const isOwn = (certificate: X509Certificate): boolean =>
    parts.ownRoots?.some((root) => isSignedBy(certificate, root)) ?? false
  const full = climbAll(leaf, pool, { now: parts.now, isTrusted, isOwn })
  if (full.end === 'trusted') return full
  // A cross-sign may lead past a root that is trusted to one that is not.
  const last = full.chain.findIndex(isTrusted)
  return last < 0 ? full : { chain: full.chain.slice(0, last + 1), end: 'trusted', missing: undefined }
}

function climbAll(
  leaf: X509Certificate,
  pool: readonly X509Certificate[],
  { now, isTrusted, isOwn }: { now: number; isTrusted: SignedBy; isOwn: SignedBy },
): End {
  const chain = [leaf]
  const ended = (end: 'trusted' | 'untrusted' | 'self-signed'): End => ({ chain, end, missing: undefined })
  if (isSelfSigned(leaf)) return ended(isTrusted(leaf) ? 'trusted' : 'self-signed')
  for (let top = leaf; ; ) {
    const issuers = pool.filter((issuer) => !chain.includes(issuer) && isSignedBy(top, issuer))
    const between = issuers.filter((issuer) => issuer.ca && !isSelfSigned(issuer))
    const next = between
      .filter((issuer) => issuer.validToDate.getTime() > now)
      .sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime())[0]
    if (next && chain.length < MAX_CHAIN_LENGTH) {
      chain.push(next)
      top = next
      continue
    }
    if (isTrusted(top)) return ended('trusted')
    if (isOwn(top) || issuers.some(isSelfSigned)) return ended('untrusted')
    const missing = {
      issuer: shortName(top.issuer),
      urls: issuerUrlsOf(top),
      isExpired: between.length > 0,
    }
    return { chain, end: 'incomplete', missing }
  }
}

function whyLeftOut(certificate: X509Certificate, now: number): LeftOut['reason'] {
  if (isSelfSigned(certificate)) return 'root'
  if (!certificate.ca) return 'other-host'
  return isValidAt(certificate, now) ? 'not-needed' : 'expired'
}

function distinct(certificates: readonly X509Certificate[]): X509Certificate[] {
  return [...new Map(certificates.map((certificate) => [certificate.fingerprint256, certificate])).values()]
}

function duplicates(certificates: readonly X509Certificate[]): X509Certificate[] {
  const seen = new Set<string>()
  return certificates.filter(({ fingerprint256 }) => seen.has(fingerprint256) || !seen.add(fingerprint256))
}
