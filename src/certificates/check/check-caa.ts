import type { X509Certificate } from 'node:crypto'
import type { CaaRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { hostKey } from '../x509/x509-facts.ts'
import { type CertificateFinding, finding } from './findings.ts'

/** Longest wait for an answer of the DNS, in ms, and number of tries. */
const RESOLVER = { timeout: 2_000, tries: 2 }
/** Names of CAs in CAA records, by a word in their own certificates. */
const CA_DOMAINS: readonly (readonly [word: RegExp, domains: readonly string[]])[] = [
  [/Let's Encrypt|ISRG/, ['letsencrypt.org']],
  [
    /Sectigo|COMODO|ZeroSSL|USERTRUST/i,
    ['sectigo.com', 'comodoca.com', 'comodo.com', 'usertrust.com', 'trust-provider.com'],
  ],
  [
    /DigiCert|GeoTrust|RapidSSL|Thawte|Encryption Everywhere/i,
    ['digicert.com', 'www.digicert.com', 'geotrust.com', 'rapidssl.com', 'thawte.com', 'symantec.com'],
  ],
  [/Google Trust Services/, ['pki.goog']],
  [/GlobalSign/, ['globalsign.com']],
  [/Amazon/, ['amazon.com', 'amazontrust.com', 'awstrust.com', 'amazonaws.com']],
  [/GoDaddy|Starfield/i, ['godaddy.com', 'starfieldtech.com']],
  [/Entrust/, ['entrust.net', 'entrust.com']],
  [/Buypass/, ['buypass.com', 'buypass.no']],
  [/SSL Corp/, ['ssl.com']],
]

/** Looks records up; empty if there are none. */
export type CaaLookup = (name: string) => Promise<readonly CaaRecord[]>

/**
 * Finds out if the records of the domain forbid the CA of the certificate to issue it again (RFC 8659). No finding if
 * the DNS does not answer, or the CA's names are not known here.
 */
export async function checkCaa(
  host: string,
  certificate: X509Certificate,
  lookup: CaaLookup = resolveCaa,
): Promise<CertificateFinding[]> {
  const own = CA_DOMAINS.find(([word]) => word.test(certificate.issuer))?.[1]
  if (own === undefined || isIP(host) !== 0) return []
  const labels = hostKey(host).split('.')
  for (let index = 0; index < labels.length - 1; index++) {
    const name = labels.slice(index).join('.')
    const records = await lookup(name)
    if (records.length === 0) continue
    const allowed = records.flatMap(({ issue }) =>
      issue === undefined ? [] : [issue.split(';')[0]?.trim() ?? ''],
    )
    if (allowed.length === 0 || allowed.some((domain) => own.includes(domain.toLowerCase()))) return []
    const allowedNames = allowed.filter(Boolean).join(', ') || 'no CA'
    return [
      finding(
        'CAA_FORBIDS',
        `The CAA records of ${name} allow ${allowedNames} to issue, not the CA of this certificate`,
      ),
    ]
  }
  return []
}

async function resolveCaa(name: string): Promise<readonly CaaRecord[]> {
  return await new Resolver(RESOLVER).resolveCaa(name).catch((): CaaRecord[] => [])
}
