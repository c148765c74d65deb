import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { readBer, readBerList, readOid } from './ber.ts'
import { formatPem, type PemBlock, type PemOddity, parsePem } from './pem.ts'
import { readCertificate } from './x509-facts.ts'

/** Largest file, in bytes: a bundle of all public roots has 220 KB. */
export const MAX_CERTIFICATE_FILE_BYTES = 1_048_576
/** Most certificates and keys read from all files together. */
const MAX_ITEMS = 200
const SIGNED_DATA = '1.2.840.113549.1.7.2'
const DATA = '1.2.840.113549.1.7.1'
const PBES2 = '1.2.840.113549.1.5.13'
const TAG_CERTIFICATES = 0xa0

/** A file as a CA sent it. */
export interface MailedFile {
  readonly name: string
  readonly bytes: Buffer
}

/** A part found in a file. */
interface Found<T> {
  readonly from: string
  readonly value: T
}

/** Content of files. */
export interface MailedContent {
  readonly certificates: readonly Found<X509Certificate>[]
  readonly keys: readonly Found<KeyObject>[]
  /** Files with keys whose passphrase is missing or wrong. */
  readonly encryptedKeys: readonly string[]
  /** Files, or parts of files, that could not be read, with the reason, in a sentence. */
  readonly problems: readonly Found<string>[]
  /** Oddities that Berth reads nevertheless. */
  readonly oddities: readonly Found<PemOddity>[]
}

interface Gathered {
  readonly certificates: Found<X509Certificate>[]
  readonly keys: Found<KeyObject>[]
  readonly encryptedKeys: string[]
  readonly problems: Found<string>[]
  readonly oddities: Found<PemOddity>[]
}

/**
 * Finds certificates and keys in files of any form a CA mails: PEM (also inside a mail), DER, PKCS #7, keys in PKCS #8,
 * PKCS #1 and SEC 1. Never throws; unreadable parts are among the problems.
 */
export function readMailedFiles(files: readonly MailedFile[], passphrase?: string): MailedContent {
  const found: Gathered = { certificates: [], keys: [], encryptedKeys: [], problems: [], oddities: [] }
  for (const file of files) {
    if (file.bytes.length > MAX_CERTIFICATE_FILE_BYTES)
      found.problems.push({ from: file.name, value: 'is larger than 1 MiB: that is no certificate' })
    else readFile(file, found, passphrase)
  }
  return {
    ...found,
    certificates: found.certificates.slice(0, MAX_ITEMS),
    keys: found.keys.slice(0, MAX_ITEMS),
  }
}

function readFile({ name, bytes }: MailedFile, found: Gathered, passphrase: string | undefined): void {
  const { blocks, oddities } = parsePem(bytes)
  if (blocks.length > 0) {
    for (const oddity of oddities) found.oddities.push({ from: name, value: oddity })
    for (const block of blocks) readBlock(name, block, { found, passphrase })
    return
  }
  const der = decodeBase64(bytes) ?? bytes
  if (!readDer(name, der, { found, passphrase })) {
    found.problems.push({ from: name, value: describeUnknown(bytes) })
  }
}

interface Reading {
  readonly found: Gathered
  readonly passphrase: string | undefined
}

function readBlock(from: string, block: PemBlock, { found, passphrase }: Reading): void {
  const { label, bytes, problem } = block
  if (bytes === undefined) {
    found.problems.push({ from, value: `holds a ${label} block that cannot be read: ${problem}` })
    return
  }
  if (label === 'CERTIFICATE' || label === 'X509 CERTIFICATE' || label === 'TRUSTED CERTIFICATE') {
    const certificate = readCertificate(formatPem('CERTIFICATE', readBer(bytes)?.raw ?? bytes))
    if (certificate) found.certificates.push({ from, value: certificate })
    else found.problems.push({ from, value: 'holds a certificate whose content is damaged' })
  } else if (label === 'PKCS7' || label === 'CMS') {
    if (!readPkcs7(from, bytes, found))
      found.problems.push({ from, value: 'holds a PKCS #7 block without certificates' })
  } else if (label.endsWith('PRIVATE KEY')) {
    const isEncrypted = block.isEncrypted || label === 'ENCRYPTED PRIVATE KEY'
    readKey(from, isEncrypted, { found, open: () => createPrivateKey(keyInput(block.text, passphrase)) })
  }
  // Requests, parameters and public keys are of no use here, and are in many files.
}

function keyInput(key: string, passphrase: string | undefined): { key: string; passphrase: string } {
  // Without a passphrase OpenSSL would prompt on the terminal.
  return { key, passphrase: passphrase ?? '' }
}

function readKey(
  from: string,
  isEncrypted: boolean,
  { found, open }: { found: Gathered; open: () => KeyObject },
): void {
  try {
    found.keys.push({ from, value: open() })
  } catch {
    if (isEncrypted) found.encryptedKeys.push(from)
    else found.problems.push({ from, value: 'holds a private key whose content is damaged' })
  }
}

/** @returns false if it has no known form. */
function readDer(from: string, bytes: Buffer, { found, passphrase }: Reading): boolean {
  const certificate = readCertificate(bytes)
  if (certificate) {
    found.certificates.push({ from, value: certificate })
    return true
  }
  if (readPkcs7(from, bytes, found)) return true
  const outer = readBer(bytes)
  const inner = readBerList(outer?.content ?? Buffer.alloc(0))
  if (outer?.tag !== 0x30 || inner.length < 2) return false
  const isEncrypted = readOid(readBer(inner[0]?.content ?? Buffer.alloc(0))) === PBES2
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      const key = createPrivateKey({ key: bytes, format: 'der', type, passphrase: passphrase ?? '' })
      found.keys.push({ from, value: key })
      return true
    } catch {
      // Not of this form: the next is tried.
    }
  }
  if (isEncrypted) found.encryptedKeys.push(from)
  return isEncrypted
}

/** Certificates of a PKCS #7 envelope (RFC 2315 section 9.1), the whole content of a `.p7b`. */
function readPkcs7(from: string, bytes: Buffer, found: Gathered): boolean {
  const [type, wrapped] = readBerList(readBer(bytes)?.content ?? Buffer.alloc(0))
  if (readOid(type) !== SIGNED_DATA || wrapped?.tag !== 0xa0) return false
  const fields = readBerList(readBer(wrapped.content)?.content ?? Buffer.alloc(0))
  const set = fields.find(({ tag }) => tag === TAG_CERTIFICATES)
  const certificates = readBerList(set?.content ?? Buffer.alloc(0)).flatMap(
    ({ raw }) => readCertificate(raw) ?? [],
  )
  for (const certificate of certificates) found.certificates.push({ from, value: certificate })
  return certificates.length > 0
}

/** Base64 without BEGIN and END lines. */
function decodeBase64(bytes: Buffer): Buffer | undefined {
  const text = bytes.toString('latin1').replace(/\s/g, '')
  return text.length >= 64 && /^MI[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined
}

function describeUnknown(bytes: Buffer): string {
  if (bytes.length === 0) return 'is empty'
  if (bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1')))
    return 'is a ZIP archive: unpack it, and give the files inside'
  if (bytes.subarray(0, 4).toString('hex') === 'feedfeed')
    return 'is a Java key store: convert it with "keytool -importkeystore … -deststoretype PKCS12" first'
  if (isPfx(bytes))
    return 'is a PFX (PKCS #12) file: convert it with "openssl pkcs12 -in FILE -nodes -out all.pem" (and -legacy, if openssl says unsupported), and give all.pem'
  return 'holds neither a certificate nor a key in any form that Berth knows'
}

/** PKCS #12 begins with version 3 and data (RFC 7292 section 4). */
function isPfx(bytes: Buffer): boolean {
  const [version, content] = readBerList(readBer(bytes)?.content ?? Buffer.alloc(0))
  if (version?.tag !== 0x02 || version.content[0] !== 3 || content === undefined) return false
  const type = readOid(readBer(content.content))
  return type === DATA || type === SIGNED_DATA
}
