import type { X509Certificate } from 'node:crypto'
import { lookup } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { get as getHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { readMailedFiles } from '../x509/mailed-files.ts'
import { isSignedBy, issuerUrlsOf, shortName } from '../x509/x509-facts.ts'
import { isPublicAddress } from './public-address.ts'

const http = process.getBuiltinModule('node:http')

/** Longest time for one address, in ms. */
const TIMEOUT_MS = 10_000
/** Largest answer, in bytes: one certificate, or a handful in PKCS #7. */
const MAX_ANSWER_BYTES = 65_536
/** Addresses tried for one certificate. */
const MAX_URLS = 3

/** Settings of fetching an issuer. */
export interface FetchOptions {
  /** True for an address that may be contacted; by default those of the public internet. */
  readonly isAllowed?: (address: string) => boolean
  readonly signal?: AbortSignal
}

/**
 * Fetches the issuer of a certificate from the address in the certificate. The address comes from a file, so that only
 * the public internet is contacted, on the usual ports, without redirects, and the answer counts only if its key signed
 * the certificate. Errors: `CERTIFICATE_ISSUER_UNAVAILABLE`.
 */
export async function fetchIssuer(
  certificate: X509Certificate,
  options: FetchOptions = {},
): Promise<X509Certificate> {
  const problems: string[] = []
  for (const url of issuerUrlsOf(certificate).slice(0, MAX_URLS)) {
    try {
      const { certificates } = readMailedFiles([
        { name: url, bytes: await fetchBounded(new URL(url), options) },
      ])
      const issuer = certificates.find(({ value }) => isSignedBy(certificate, value))?.value
      if (issuer) return issuer
      problems.push(`${url} holds another certificate`)
    } catch (error) {
      problems.push(`${url}: ${reasonOf(error)}`)
    }
  }
  throw new CertificateError(
    'CERTIFICATE_ISSUER_UNAVAILABLE',
    problems.length > 0
      ? `The certificate of ${shortName(certificate.issuer)} cannot be fetched (${problems.join('; ')})`
      : `The certificate of ${shortName(certificate.issuer)} is missing, and nothing says where the CA has it`,
    "Get it from the CA's page and give it as a further file",
  )
}

async function fetchBounded(
  url: URL,
  { isAllowed = isPublicAddress, signal }: FetchOptions,
): Promise<Buffer> {
  const isUsual = (url.protocol === 'http:' || url.protocol === 'https:') && url.username === ''
  const isAnyPort = isAllowed !== isPublicAddress
  if (!isUsual || (url.port !== '' && !isAnyPort)) throw new Error('this address is not contacted')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && !isAllowed(host)) throw new Error('the address is not one of the public internet')
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const options = {
    // A connection of its own: the address that was checked is the one that is connected to.
    agent: false,
    lookup: allowedLookup(isAllowed),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    headers: { accept: 'application/pkix-cert, application/pkcs7-mime' },
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request =
    url.protocol === 'https:' ? getHttps(url, options, resolve) : http.get(url, options, resolve)
  request.on('error', reject)
  const response = await promise
  try {
    if (response.statusCode !== 200) throw new Error(`the answer was ${response.statusCode}`)
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response) {
      const bytes = chunk as Buffer
      size += bytes.length
      if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large for a certificate')
      chunks.push(bytes)
    }
    return Buffer.concat(chunks)
  } finally {
    response.destroy()
  }
}

/** Looks a name up and accepts it only if each of its addresses is allowed. */
function allowedLookup(isAllowed: (address: string) => boolean): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? []
      if (error || first === undefined) {
        done(error ?? new Error('the name has no address'), [])
      } else if (!addresses.every(({ address }) => isAllowed(address))) {
        done(new Error('the name leads out of the public internet'), [])
      } else if (options.all) done(null, addresses)
      else done(null, first.address, first.family)
    })
  }
}
