import type { X509Certificate } from 'node:crypto'
import type { RequestFacts } from './plan.ts'

const DAY_S = 86_400
/** nginx's texts for the faults of a certificate that `optional_no_ca` lets pass. */
const REASONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to verify the first certificate',
}

type Of = (certificate: X509Certificate) => string

const VALUES: Readonly<Record<string, Of>> = {
  ssl_client_cert: (certificate) => certificate.toString().trimEnd().replaceAll('\n', '\n\t'),
  ssl_client_escaped_cert: (certificate) => encodeURIComponent(certificate.toString()),
  ssl_client_fingerprint: ({ fingerprint }) => fingerprint.replaceAll(':', '').toLowerCase(),
  ssl_client_i_dn: ({ issuer }) => formatName(issuer),
  ssl_client_raw_cert: (certificate) => certificate.toString(),
  ssl_client_s_dn: ({ subject }) => formatName(subject),
  ssl_client_serial: ({ serialNumber }) => serialNumber,
  ssl_client_v_end: ({ validTo }) => validTo,
  // In whole seconds, as in nginx.
  ssl_client_v_remain: ({ validToDate }) =>
    String(Math.max(0, Math.floor((validToDate.getTime() / 1000 - Math.floor(Date.now() / 1000)) / DAY_S))),
  ssl_client_v_start: ({ validFrom }) => validFrom,
}

/** nginx's variables about the certificate of a visitor: empty without one, and over plain HTTP. */
export const CLIENT_VARIABLES: readonly (readonly [name: string, of: (request: RequestFacts) => string])[] = [
  ['ssl_client_verify', formatVerdict],
  ...Object.entries(VALUES).map(
    ([name, of]) =>
      [name, ({ client }: RequestFacts) => (client?.certificate ? of(client.certificate) : '')] as const,
  ),
]

function formatVerdict({ scheme, client }: RequestFacts): string {
  if (scheme === 'http') return ''
  if (!client?.certificate) return 'NONE'
  return client.error === undefined ? 'SUCCESS' : `FAILED:${REASONS[client.error] ?? client.error}`
}

/** A name as in RFC 2253, last part first; Node gives a part a line, with all but non-ASCII escaped. */
function formatName(name: string | undefined): string {
  const parts = (name ?? '').split('\n').map((part) => part.replaceAll(' + ', '+'))
  return parts
    .reverse()
    .join(',')
    .replace(/[^\x20-\x7e]+/g, (text) =>
      [...Buffer.from(text)].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
    )
}
