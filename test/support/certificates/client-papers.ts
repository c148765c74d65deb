import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { der, derInteger, derOid, TAG } from '../../../src/certificates/x509/der.ts'
import { formatPem } from '../../../src/certificates/x509/pem.ts'
import { signatureAlgorithm, signDer } from '../../../src/certificates/x509/write/certificate-request.ts'
import { subjectName } from '../../../src/certificates/x509/write/distinguished-name.ts'
import { readSubject } from '../../../src/certificates/x509/x509-facts.ts'
import type { PaperCertificate } from './paper-ca.ts'

const DAY_MS = 86_400_000
const CLIENT_AUTH = derOid('1.3.6.1.5.5.7.3.2')

/** A visitor's certificate with its key. */
export interface ClientPaper {
  readonly cert: string
  readonly key: string
  readonly serial: number
}

let serials = 1_000

/**
 * Makes a certificate for a visitor; `days` is its life from and to now: by default half a day more, so that whole days
 * are counted alike.
 */
export function makeClient(
  commonName: string,
  by: PaperCertificate,
  days: readonly [from: number, to: number] = [-1, 30.5],
): ClientPaper {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const serial = ++serials
  const usage = der(TAG.sequence, CLIENT_AUTH)
  const tbs = der(
    TAG.sequence,
    der(0xa0, derInteger(Buffer.of(2))),
    derInteger(serialBytes(serial)),
    signatureAlgorithm(by.key),
    readSubject(by.certificate),
    der(TAG.sequence, time(days[0]), time(days[1])),
    subjectName([['CN', commonName]]),
    createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
    der(0xa3, der(TAG.sequence, der(TAG.sequence, derOid('2.5.29.37'), der(TAG.octetString, usage)))),
  )
  return {
    cert: formatPem('CERTIFICATE', signDer(tbs, by.key)),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    serial,
  }
}

/** Signs a list of certificates that a CA revoked; `days` is the time until the next one is due. */
export function makeRevocations(
  by: PaperCertificate,
  revoked: readonly ClientPaper[],
  { days = 30 }: { readonly days?: number } = {},
): string {
  const entries = revoked.map(({ serial }) => der(TAG.sequence, derInteger(serialBytes(serial)), time(-1)))
  const tbs = der(
    TAG.sequence,
    derInteger(Buffer.of(1)),
    signatureAlgorithm(by.key),
    readSubject(by.certificate),
    time(-2),
    time(days),
    ...(entries.length > 0 ? [der(TAG.sequence, ...entries)] : []),
  )
  return formatPem('X509 CRL', signDer(tbs, by.key))
}

function serialBytes(serial: number): Buffer {
  return Buffer.of(serial >> 8, serial & 0xff)
}

function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replace(/[-:T]|\.\d+Z/g, '')
  return der(0x17, Buffer.from(`${text.slice(2)}Z`))
}
