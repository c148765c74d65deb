/** `error`: clients refuse it, or will; `warning`: some do, or will later; `info`: a remark. */
type Severity = 'error' | 'warning' | 'info'

/** Every possible finding of the checks of a certificate, and its remedy. docs/certificates.md lists them. */
export const CERTIFICATE_FINDINGS = {
  CERTIFICATE_MISSING: {
    severity: 'error',
    remedy: 'Give the certificate that the CA issued for the host',
  },
  FILE_UNREADABLE: {
    severity: 'error',
    remedy: 'Get the file anew from the CA, or convert it as the message says',
  },
  FILE_ODD: {
    severity: 'warning',
    remedy: '"berth cert install" writes it anew; Berth itself reads it as it is, other servers refuse it',
  },
  KEY_MISSING: {
    severity: 'error',
    remedy: 'Give the .key file that was made together with the CSR; without it a new certificate is needed',
  },
  KEY_ENCRYPTED: {
    severity: 'error',
    remedy: 'Run "berth cert install", which asks for the passphrase and stores the key without one',
  },
  KEY_MISMATCH: {
    severity: 'error',
    remedy:
      'Find the key that was made with the CSR of this certificate, or have it issued anew for a new CSR',
  },
  KEY_READABLE: { severity: 'warning', remedy: 'Let only its owner read it: chmod 600' },
  KEY_WEAK: { severity: 'error', remedy: 'Make a new key with "berth cert csr" and have it signed' },
  PAIR_DUPLICATE: { severity: 'info', remedy: 'Remove what is not needed' },
  LEAF_NOT_FIRST: {
    severity: 'error',
    remedy: 'Put the certificate of the host first: "berth cert install" orders the bundle',
  },
  LEAF_IS_CA: {
    severity: 'error',
    remedy: 'Serve a certificate that was issued for the host, not that of a CA',
  },
  CHAIN_ORDER: {
    severity: 'warning',
    remedy: 'Put each certificate before the one that signed it: "berth cert install" orders the bundle',
  },
  ROOT_INCLUDED: {
    severity: 'warning',
    remedy: 'Leave it out: clients have their own, and it makes every handshake longer',
  },
  CERTIFICATE_SURPLUS: { severity: 'warning', remedy: 'Leave it out: "berth cert install" does' },
  INTERMEDIATE_MISSING: {
    severity: 'error',
    remedy:
      'Add the intermediate certificate of the CA, or run "berth cert install" with --fetch-missing: browsers may find it by themselves, Docker never does',
  },
  INTERMEDIATE_EXPIRED: { severity: 'error', remedy: "Get the CA's current intermediate certificate" },
  ROOT_UNTRUSTED: {
    severity: 'warning',
    remedy:
      "Give each Docker machine the root as /etc/docker/certs.d/<host>/ca.crt, or use a CA that is in the system's store",
  },
  SELF_SIGNED: {
    severity: 'warning',
    remedy:
      'Use a certificate of a CA, or give each Docker machine this one as /etc/docker/certs.d/<host>/ca.crt',
  },
  SIGNATURE_INVALID: {
    severity: 'error',
    remedy: 'It was changed after it was issued: get it anew from the CA',
  },
  SIGNATURE_WEAK: { severity: 'error', remedy: 'Have the certificate issued anew; SHA-256 is usual' },
  EXPIRED: { severity: 'error', remedy: 'Renew it' },
  NOT_YET_VALID: {
    severity: 'error',
    remedy: 'Wait, or set the clock of this machine right: "berth doctor" looks at it',
  },
  EXPIRES_SOON: { severity: 'warning', remedy: 'Renew it now' },
  NAME_NOT_COVERED: {
    severity: 'error',
    remedy: 'Have it issued for this name, too; a star stands for one label only',
  },
  NO_ALTERNATIVE_NAMES: {
    severity: 'error',
    remedy:
      'Have it issued with alternative names: "berth cert csr" asks for them; Docker no longer looks at the common name',
  },
  NAME_NOT_ASCII: { severity: 'error', remedy: 'Have it issued for the xn-- form of the name' },
  NO_SERVER_USE: {
    severity: 'error',
    remedy: 'Have it issued for servers (extended key usage serverAuth)',
  },
  LIFETIME_LONG: {
    severity: 'warning',
    remedy: 'Have it issued for 397 days at most: some clients refuse more',
  },
  MUST_STAPLE: {
    severity: 'error',
    remedy:
      'Have it issued without must-staple (TLS feature): CAs no longer answer OCSP, and clients that insist refuse',
  },
  SERVED_DIFFERS: {
    severity: 'error',
    remedy: 'The server has not taken the new files: look at its log, or restart it',
  },
  PROTOCOL_OLD: { severity: 'warning', remedy: 'Offer TLS 1.2 and 1.3' },
  CAA_FORBIDS: {
    severity: 'warning',
    remedy: 'Add the CA to the CAA records of the domain before the certificate is renewed',
  },
} as const satisfies Record<string, { severity: Severity; remedy: string }>

/** A code of {@link CERTIFICATE_FINDINGS}. */
export type FindingCode = keyof typeof CERTIFICATE_FINDINGS

/** One finding of a check. */
export interface CertificateFinding {
  readonly severity: Severity
  readonly code: FindingCode
  /** Fault, with names. */
  readonly sentence: string
  readonly remedy: string
}

/** A finding with the severity and remedy of its code, unless others are given. */
export function finding(
  code: FindingCode,
  sentence: string,
  more: { severity?: Severity; remedy?: string } = {},
): CertificateFinding {
  const { severity, remedy } = CERTIFICATE_FINDINGS[code]
  return { code, severity: more.severity ?? severity, sentence, remedy: more.remedy ?? remedy }
}
