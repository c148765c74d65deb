import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import type { TlsPolicyName } from './site-declaration.ts'

/** TLS 1.3's own; AES-128 first, which is the fastest of them where the processor knows AES. */
const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']
/** Mozilla "Intermediate", version 5.7. */
const INTERMEDIATE = [
  ...TLS13,
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
/** What "Old" adds, without the 3DES that the TLS library here no longer has. */
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

const POLICIES: Readonly<Record<TlsPolicyName, SecureContextOptions>> = {
  'Mozilla-Modern': { minVersion: 'TLSv1.3', ciphers: TLS13.join(':') },
  'Mozilla-Intermediate': { minVersion: 'TLSv1.2', ciphers: INTERMEDIATE.join(':') },
  // TLS 1.0 and 1.1 sign with SHA-1, which the library takes at its lowest level of security only.
  'Mozilla-Old': { minVersion: 'TLSv1', ciphers: `${OLD.join(':')}:@SECLEVEL=0` },
}

/** What a TLS server is made with to keep to a policy (wiki.mozilla.org/Security/Server_Side_TLS). */
export function tlsOptionsOf(policy: TlsPolicyName): SecureContextOptions {
  return {
    ...POLICIES[policy],
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  }
}
