import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'

/** TLS settings by the names of Mozilla's guideline; `SSL_POLICY` of nginx-proxy. */
export const TLS_POLICIES = ['Mozilla-Modern', 'Mozilla-Intermediate', 'Mozilla-Old'] as const
/** A name of {@link TLS_POLICIES}. */
export type TlsPolicyName = (typeof TLS_POLICIES)[number]

/** TLS 1.3's own; AES-128 first, which is the fastest of them where the processor knows AES. */
const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
/**
 * Mozilla "Intermediate", version 5.7, without its three suites of finite-field Diffie-Hellman: they let a client put
 * load on the server for free (CVE-2002-20001), and no client in use needs them.
 */
const INTERMEDIATE = [
  ...TLS13,
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
/**
 * Additions of "Old", as far as the TLS library here supports them: TLS 1.0 and 1.1 yes; 3DES was left out when it was
 * built, and SSL 3 is gone.
 */
const OLD = [
  ...INTERMEDIATE,
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
]

/** Key exchange: the hybrid that resists later quantum computers comes first; then Mozilla's. */
const GROUPS = 'X25519MLKEM768:X25519:prime256v1:secp384r1'
/** Nothing with SHA-1. */
const SIGNATURES = [
  'ecdsa_secp256r1_sha256',
  'ed25519',
  'rsa_pss_rsae_sha256',
  'rsa_pkcs1_sha256',
  'ecdsa_secp384r1_sha384',
  'rsa_pss_rsae_sha384',
  'rsa_pkcs1_sha384',
  'ecdsa_secp521r1_sha512',
  'rsa_pss_rsae_sha512',
  'rsa_pkcs1_sha512',
  'rsa_pss_pss_sha256',
  'rsa_pss_pss_sha384',
  'rsa_pss_pss_sha512',
].join(':')

const POLICIES: Readonly<Record<TlsPolicyName, SecureContextOptions>> = {
  'Mozilla-Modern': { minVersion: 'TLSv1.3', ciphers: TLS13.join(':'), sigalgs: SIGNATURES },
  'Mozilla-Intermediate': { minVersion: 'TLSv1.2', ciphers: INTERMEDIATE.join(':'), sigalgs: SIGNATURES },
  // TLS 1.0 and 1.1 sign with SHA-1, which the library accepts at its lowest level of security only.
  'Mozilla-Old': { minVersion: 'TLSv1', ciphers: `${OLD.join(':')}:@SECLEVEL=0` },
}

/** Options of a TLS server, or a context of its own, for a policy (wiki.mozilla.org/Security/Server_Side_TLS). */
export function toTlsOptions(policy: TlsPolicyName): SecureContextOptions {
  return {
    ...POLICIES[policy],
    ecdhCurve: GROUPS,
    honorCipherOrder: true,
    // A client that puts ChaCha20 first has no fast AES.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_PRIORITIZE_CHACHA,
  }
}
