import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { subjectName } from '../../../src/certificates/x509/write/distinguished-name.ts'
import { makeCertificate } from '../../../src/certificates/x509/write/make-certificate.ts'

const DAY_MS = 86_400_000

/** A certificate that a test has made, with its key. */
export interface PaperCertificate {
  readonly certificate: X509Certificate
  readonly pem: string
  readonly key: KeyObject
  readonly keyPem: string
}

/** Properties that differ from the default. */
interface PaperOptions {
  /** Issuer; self-signed if undefined. */
  readonly by?: PaperCertificate
  /** Alternative names; with them it is a server's certificate, else a CA's. */
  readonly names?: readonly string[]
  /** Days from now; 0 days ago to 90 days from now by default. */
  readonly days?: readonly [from: number, to: number]
  /** Another certificate, whose key is reused. */
  readonly keyOf?: PaperCertificate
  /** Kind of key; P-256 by default. */
  readonly keyType?: 'ec' | 'ec-192' | 'rsa-1024' | 'rsa-2048'
  /** URLs of the issuer's certificate. */
  readonly issuerUrls?: readonly string[]
  /** True for a server's certificate without names. */
  readonly isServer?: boolean
}

/** Makes a certificate without any program: a CA's, or, with names, a server's. */
export function makePaper(commonName: string, options: PaperOptions = {}): PaperCertificate {
  const key = options.keyOf?.key ?? makeKey(options.keyType ?? 'ec')
  const [from, to] = options.days ?? [-1, 90]
  const now = Date.now()
  const pem = makeCertificate(
    {
      subject: subjectName([['CN', commonName]]),
      publicKey: createPublicKey(key),
      ...(options.names || options.isServer ? { names: options.names ?? [] } : { authority: {} }),
      issuerUrls: options.issuerUrls,
      notBefore: now + from * DAY_MS,
      notAfter: now + to * DAY_MS,
    },
    options.by
      ? { key: options.by.key, certificate: options.by.certificate }
      : { key, certificate: undefined },
  )
  return {
    certificate: new X509Certificate(pem),
    pem,
    key,
    keyPem: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Certificates as a commercial CA mails them: a root, two intermediates, and a certificate for names. */
export function makeMail(
  names: readonly string[],
  days?: readonly [number, number],
): Record<'root' | 'upper' | 'lower' | 'leaf', PaperCertificate> {
  const root = makePaper('Paper root')
  const upper = makePaper('Paper upper', { by: root })
  const lower = makePaper('Paper lower', { by: upper })
  const leaf = makePaper(names[0] ?? '', { by: lower, names, ...(days ? { days } : {}) })
  return { root, upper, lower, leaf }
}

function makeKey(type: 'ec' | 'ec-192' | 'rsa-1024' | 'rsa-2048'): KeyObject {
  if (type === 'ec') return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  if (type === 'ec-192') return generateKeyPairSync('ec', { namedCurve: 'prime192v1' }).privateKey
  return generateKeyPairSync('rsa', { modulusLength: Number(type.slice('rsa-'.length)) }).privateKey
}
