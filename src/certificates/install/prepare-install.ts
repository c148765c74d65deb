import type { KeyObject, X509Certificate } from 'node:crypto'
import { checkCertificate } from '../check/check-certificate.ts'
import type { CertificateFinding, FindingCode } from '../check/findings.ts'
import {
  bundleToPem,
  type CertificateBundle,
  keyToPem,
  MAX_CHAIN_LENGTH,
  makeBundle,
} from '../x509/certificate-bundle.ts'
import { CertificateError } from '../x509/certificate-error.ts'
import type { MailedContent } from '../x509/mailed-files.ts'
import type { PairText } from '../x509/pair.ts'
import { coversHost, namesOf, shortName } from '../x509/x509-facts.ts'
import { type FetchOptions, fetchIssuer } from './fetch-issuer.ts'

/** Findings that make a certificate useless, with the code of the failed installation. */
const OBSTACLES = {
  EXPIRED: 'CERTIFICATE_EXPIRED',
  NAME_NOT_COVERED: 'CERTIFICATE_NAME_MISMATCH',
  NO_ALTERNATIVE_NAMES: 'CERTIFICATE_NAME_MISMATCH',
  INTERMEDIATE_MISSING: 'CERTIFICATE_INCOMPLETE',
  INTERMEDIATE_EXPIRED: 'CERTIFICATE_INCOMPLETE',
  SIGNATURE_INVALID: 'CERTIFICATE_UNUSABLE',
  LEAF_IS_CA: 'CERTIFICATE_UNUSABLE',
  NO_SERVER_USE: 'CERTIFICATE_UNUSABLE',
} as const

/** Findings about files that an installation corrects by writing them anew. */
const MENDED: readonly FindingCode[] = [
  'LEAF_NOT_FIRST',
  'CHAIN_ORDER',
  'ROOT_INCLUDED',
  'CERTIFICATE_SURPLUS',
]

/** Content of an installation. */
interface InstallRequest {
  readonly content: MailedContent
  readonly host: string
  readonly roots: readonly X509Certificate[]
  /** Unix time in ms. */
  readonly now: number
  /** True: install it although clients will refuse it. */
  readonly isForced: boolean
  /** Called once for each missing issuer, with the CA's addresses of it; false: it is not fetched. */
  mayFetch(issuer: string, urls: readonly string[]): Promise<boolean>
  readonly fetchOptions?: FetchOptions
}

/** A pair that is ready to be installed. */
export interface PreparedInstall extends PairText {
  readonly bundle: CertificateBundle
  /** Corrected faults of the files: their order, and content that does not belong there. */
  readonly mended: readonly CertificateFinding[]
  /** Remaining findings, which matter later. */
  readonly findings: readonly CertificateFinding[]
  /** Issuers that were fetched. */
  readonly fetched: readonly string[]
}

/**
 * Makes a pair of the files a CA mailed: finds certificate, chain and key, orders them, fetches missing ones if that is
 * allowed. Errors: `CertificateError`, whose message names the missing or wrong part, of the codes
 * `CERTIFICATE_NOT_FOUND`, `CERTIFICATE_KEY_…`, `CERTIFICATE_INCOMPLETE`, `CERTIFICATE_EXPIRED`,
 * `CERTIFICATE_NAME_MISMATCH`, `CERTIFICATE_UNUSABLE`.
 */
export async function prepareInstall(request: InstallRequest): Promise<PreparedInstall> {
  const { content, host, roots, now } = request
  const keys = content.keys.map(({ value }) => value)
  const given = content.certificates.map(({ value }) => value)
  const { certificates, fetched } = await fetchMissing(given, keys, request)
  const bundle = makeBundle({ certificates, keys, host, roots, now })
  if (!bundle || (!bundle.key && isOfOther(bundle.leaf, host))) throw notFound(content)
  if (!bundle.key) throw withoutKey(content, bundle.leaf)
  const { findings } = checkCertificate({ certificates, keys, hosts: [host], roots, now })
  const obstacle = findings.find(({ code }) => code in OBSTACLES)
  if (obstacle && !request.isForced) {
    const code = OBSTACLES[obstacle.code as keyof typeof OBSTACLES]
    throw new CertificateError(code, obstacle.sentence, `${obstacle.remedy}; --force installs it as it is`)
  }
  return {
    ...{ chainPem: bundleToPem(bundle), keyPem: keyToPem(bundle.key), bundle, fetched },
    mended: findings.filter(({ code }) => MENDED.includes(code)),
    findings: findings.filter(({ code }) => !MENDED.includes(code)),
  }
}

/** True for a CA's certificate; self-signed ones that are made to be served are none. */
function isOfOther(leaf: X509Certificate, host: string): boolean {
  return leaf.ca && !coversHost(namesOf(leaf), host)
}

async function fetchMissing(
  given: readonly X509Certificate[],
  keys: readonly KeyObject[],
  { host, roots, now, mayFetch, fetchOptions }: InstallRequest,
): Promise<{ certificates: X509Certificate[]; fetched: string[] }> {
  const certificates = [...given]
  const fetched: string[] = []
  for (let round = 0; round < MAX_CHAIN_LENGTH; round++) {
    const bundle = makeBundle({ certificates, keys, host, roots, now })
    const last = bundle?.chain.at(-1)
    const missing = bundle?.missing
    if (!last || !missing || missing.urls.length === 0) break
    if (!(await mayFetch(missing.issuer, missing.urls))) break
    const issuer = await fetchIssuer(last, fetchOptions)
    // The same certificate again: it has expired, or the CA's address leads in a circle.
    if (certificates.some(({ fingerprint256 }) => fingerprint256 === issuer.fingerprint256)) break
    certificates.push(issuer)
    fetched.push(shortName(issuer.subject))
  }
  return { certificates, fetched }
}

function notFound({ problems, certificates }: MailedContent): CertificateError {
  const [problem] = problems
  const what =
    certificates.length > 0
      ? 'The files hold certificates of CAs only, not that of the host'
      : problem
        ? `${problem.from} ${problem.value}`
        : 'The files hold no certificate'
  return new CertificateError('CERTIFICATE_NOT_FOUND', what, 'Give all files that the CA sent, and the key')
}

function withoutKey({ keys, encryptedKeys }: MailedContent, leaf: X509Certificate): CertificateError {
  const name = shortName(leaf.subject)
  if (keys.length > 0)
    return new CertificateError(
      'CERTIFICATE_KEY_MISMATCH',
      `The key is not that of the certificate of ${name}`,
      'Find the key that was made with the CSR of this certificate, or have it issued anew for a new CSR',
    )
  if (encryptedKeys.length > 0)
    return new CertificateError(
      'CERTIFICATE_KEY_ENCRYPTED',
      `The key in ${encryptedKeys[0]} is encrypted, and its passphrase is not known`,
      'Run it on a terminal to type it, or send the passphrase to standard input with --passphrase-stdin',
    )
  return new CertificateError(
    'CERTIFICATE_KEY_MISSING',
    `There is no key for the certificate of ${name}`,
    'Give the .key file that was made together with the CSR, too',
  )
}
