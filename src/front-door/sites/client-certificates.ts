import type { IncomingHttpHeaders } from 'node:http'
import type { ClientAuthority, ClientProof } from '../visit/client-proof.ts'
import type { CertificateSource } from './ports.ts'
import type { ClientCertificates, SiteDeclaration } from './site-declaration.ts'

/** Errors of a certificate whose CA is not known (`optional_no_ca`), by their names in OpenSSL; nginx has the same. */
const UNKNOWN_CA: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
/** Headers that applications read for a visitor's certificate; a visitor's own must not reach them. */
const CLAIM =
  /^(?:x-)?(?:forwarded-|amzn-)?(?:ssl|tls|mtls)-|^(?:x-)?(?:arr-|forwarded-)?client-?(?:cert|verif|[si]?-?dn|subject|issuer|serial|fingerprint)/

/** Requirement on the visitors of a host. */
export type ClientDemand =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'requested'
      readonly mode: Exclude<ClientCertificates, 'off'>
      readonly authority: ClientAuthority
    }
  /** Certificates are required but cannot be checked, so that no visitor may come in. */
  | { readonly kind: 'closed'; readonly problem: string; readonly remedy: string }

const NONE: ClientDemand = { kind: 'none' }

/** The current requirement of a host on its visitors. */
export function decideClientDemand(
  { host, clientCertificates: declared, httpsMethod }: SiteDeclaration,
  certificates: Pick<CertificateSource, 'findClients'>,
): ClientDemand {
  if (declared === 'off') return NONE
  const found = certificates.findClients(host)
  if (!found) {
    // nginx-proxy would let every visitor in.
    if (declared !== 'on') return NONE
    return {
      kind: 'closed',
      problem: `${host} is to ask visitors for a certificate, and there is no file of CAs to judge it by`,
      remedy: `Put ${host.startsWith('~') ? 'ca.crt' : `${host}.ca.crt, or ca.crt,`} into the folder of certificates`,
    }
  }
  if (found.problem !== undefined) return { kind: 'closed', problem: found.problem, remedy: found.remedy }
  const mode = declared ?? 'on'
  if (mode === 'on' && httpsMethod === 'nohttps') {
    return {
      kind: 'closed',
      problem: `${host} is served without TLS only, by which nobody can show a certificate of ${found.authority.file}`,
      remedy: 'Take HTTPS_METHOD=nohttps away, or say that it needs none (ssl_verify_client=off)',
    }
  }
  if (httpsMethod === 'nohttps') return NONE
  return { kind: 'requested', mode, authority: found.authority }
}

/**
 * True if a connection may carry requests to a host with client certificates. `elsewhere`: it was checked against other
 * CAs, or not at all, and has to be opened anew.
 */
export function judgeClient(
  { mode, authority }: Extract<ClientDemand, { kind: 'requested' }>,
  proof: ClientProof | undefined,
): 'fine' | 'elsewhere' | 'missing' | 'bad' {
  if (proof?.authority !== authority) return 'elsewhere'
  if (!proof.certificate) return mode === 'on' ? 'missing' : 'fine'
  if (proof.error === undefined) return 'fine'
  return mode === 'optional_no_ca' && UNKNOWN_CA.has(proof.error) ? 'fine' : 'bad'
}

/**
 * The headers without a visitor's own ones about its certificate. Those with underscores and other odd characters go as
 * well, as in nginx: many applications read them as the ones with dashes.
 */
export function withoutClientClaims(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = Object.create(null)
  for (const name in headers) {
    if (!/[^a-z0-9:-]/.test(name) && !CLAIM.test(name)) kept[name] = headers[name]
  }
  return kept
}
