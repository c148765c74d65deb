import { createPrivateKey, createPublicKey } from 'node:crypto'
import { isIP } from 'node:net'
import type { PairText } from '../pair.ts'
import { type CertificateKeyType, makeCertificateKey } from './certificate-request.ts'
import { checkHostName } from './csr.ts'
import { MAX_COMMON_NAME_LENGTH, type Subject, subjectName } from './distinguished-name.ts'
import { makeCertificate } from './make-certificate.ts'

const DAY_MS = 86_400_000
/** Longest life of a server's certificate that every client accepts, in days. */
export const MAX_LIFETIME_DAYS = 397
/** Validity before now, in ms: clocks differ. */
export const BACKDATE_MS: number = 3_600_000

/** Content of a self-signed certificate. */
interface SelfSignedRequest {
  readonly names: readonly string[]
  readonly keyType: CertificateKeyType
  /** Days it is valid for. */
  readonly days: number
  /** Unix time in ms. */
  readonly now: number
}

/** Makes a key and a self-signed certificate. Errors: `CERTIFICATE_NAME_INVALID`. */
export async function makeSelfSigned({ names, keyType, days, now }: SelfSignedRequest): Promise<PairText> {
  const hosts = [...new Set(names.map(checkHostName))]
  const keyPem = await makeCertificateKey(keyType)
  const key = createPrivateKey(keyPem)
  const chainPem = makeCertificate(
    {
      subject: subjectName(toCommonName(hosts)),
      publicKey: createPublicKey(key),
      names: hosts,
      notBefore: now - BACKDATE_MS,
      notAfter: now + days * DAY_MS,
    },
    { key, certificate: undefined },
  )
  return { chainPem, keyPem }
}

/**
 * A subject for names: the first that is short enough, for people to read. An address is not written as a name: readers
 * of constraints would look for it among the domains.
 */
export function toCommonName(hosts: readonly string[]): Subject {
  const name = hosts.find((host) => isIP(host) === 0 && host.length <= MAX_COMMON_NAME_LENGTH)
  return [['CN', name ?? (isIP(hosts[0] ?? '') === 0 ? 'Berth' : `address ${hosts[0]}`)]]
}
