import { createPrivateKey, createPublicKey } from 'node:crypto'
import { open, rm, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { dirname } from 'node:path'
import { CertificateError, reasonOf } from '../certificate-error.ts'
import { der, derInteger, derOid, TAG } from '../der.ts'
import { formatPem } from '../pem.ts'
import { hostKey } from '../x509-facts.ts'
import { type CertificateKeyType, makeCertificateKey, signDer } from './certificate-request.ts'
import { findFault, MAX_COMMON_NAME_LENGTH, type Subject, subjectName } from './distinguished-name.ts'
import { subjectAltName } from './x509-extensions.ts'

/** Most names of one certificate: the limit of public CAs. */
const MAX_NAMES = 100
const MAX_HOST_LENGTH = 253
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/
const EXTENSION_REQUEST = derOid('1.2.840.113549.1.9.14')
const TAG_ATTRIBUTES = 0xa0

/** Content of a certificate request. */
export interface CsrRequest {
  /** Names of the certificate; the first is its common name unless the subject has another. */
  readonly names: readonly string[]
  readonly subject: Subject
  readonly keyType: CertificateKeyType
}

/** A certificate request (PKCS #10) and the new key that belongs to it, PEM. */
interface Csr {
  readonly csrPem: string
  readonly keyPem: string
  /** The names in its form. */
  readonly names: readonly string[]
}

/**
 * Makes a key and a request for it in one step; the names become alternative names, the only ones that clients read.
 * Errors: `CERTIFICATE_NAME_INVALID`.
 */
export async function makeCsr({ names, subject, keyType }: CsrRequest): Promise<Csr> {
  const hosts = [...new Set(names.map(checkHostName))]
  if (hosts.length === 0 || hosts.length > MAX_NAMES) {
    throw invalid(
      `A certificate has 1 to ${MAX_NAMES} names, not ${hosts.length}`,
      'Give the names of the hosts',
    )
  }
  const fault = subject.map(findFault).find(Boolean)
  if (fault !== undefined)
    throw invalid(`The subject cannot be used: ${fault}`, 'Correct it, or leave it out')
  const hasCommonName = subject.some(([name]) => name === 'CN')
  const first = hosts.find((host) => isIP(host) === 0 && host.length <= MAX_COMMON_NAME_LENGTH)
  const full: Subject = hasCommonName || first === undefined ? subject : [...subject, ['CN', first]]
  const keyPem = await makeCertificateKey(keyType)
  const key = createPrivateKey(keyPem)
  const body = der(
    TAG.sequence,
    derInteger(Buffer.of(0)),
    subjectName(full),
    createPublicKey(key).export({ type: 'spki', format: 'der' }),
    der(
      TAG_ATTRIBUTES,
      der(TAG.sequence, EXTENSION_REQUEST, der(TAG.set, der(TAG.sequence, subjectAltName(hosts)))),
    ),
  )
  return { csrPem: formatPem('CERTIFICATE REQUEST', signDer(body, key)), keyPem, names: hosts }
}

/**
 * A host name, wildcard or address in the form of certificates: lower case, punycode. Errors:
 * `CERTIFICATE_NAME_INVALID`.
 */
export function checkHostName(name: string): string {
  const host = hostKey(name.trim())
  if (isIP(host) !== 0) return host
  const labels = (host.startsWith('*.') ? host.slice(2) : host).split('.')
  const isName = host.length <= MAX_HOST_LENGTH && labels.every((label) => LABEL.test(label))
  if (isName && !/^[\d.]+$/.test(host)) return host
  throw invalid(
    `${JSON.stringify(name.slice(0, 100))} is no name of a host`,
    'Give names such as www.example.com or *.example.com, without scheme, port and path',
  )
}

/** Names of the files as CAs' pages propose them: `www_example_com`, `star_example_com`. */
export function toFileStem(host: string): string {
  return host.replace(/^\*\./, 'star.').replace(/[^a-z0-9-]/g, '_')
}

/**
 * Writes key and request to files that do not exist yet, the key for its owner alone.
 * Errors: `CERTIFICATE_FILE_EXISTS`, `CERTIFICATE_FOLDER_UNUSABLE`.
 */
export async function writeCsr(
  { csrPem, keyPem }: Csr,
  files: { csrFile: string; keyFile: string },
): Promise<void> {
  for (const file of [files.keyFile, files.csrFile]) await refuseExisting(file)
  await writeNew(files.keyFile, keyPem, 0o600)
  try {
    await writeNew(files.csrFile, csrPem, 0o644)
  } catch (error) {
    // No CA will see a request for that key, and it must not block the next try.
    await rm(files.keyFile, { force: true })
    throw error
  }
}

/** Writes a file that must not exist yet. Errors: `CERTIFICATE_FILE_EXISTS`, `CERTIFICATE_FOLDER_UNUSABLE`. */
export async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    await using file = await open(path, 'wx', mode)
    await file.writeFile(text)
    await file.sync()
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === 'EEXIST') throw exists(path)
    const [what, remedy] =
      reason === 'ENOENT'
        ? [`There is no folder ${dirname(path)}`, 'Make it with mkdir, or name another with --out']
        : [`${path} cannot be written (${reason})`, 'Choose another folder with --out, or make it writable']
    throw new CertificateError('CERTIFICATE_FOLDER_UNUSABLE', what, remedy, error)
  }
}

/** Errors: `CERTIFICATE_FILE_EXISTS`. */
export async function refuseExisting(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found) throw exists(path)
}

function exists(path: string): CertificateError {
  return new CertificateError(
    'CERTIFICATE_FILE_EXISTS',
    `${path} exists`,
    'A certificate may be waiting for that key: move the file away, or write to another folder with --out',
  )
}

function invalid(message: string, remedy: string): CertificateError {
  return new CertificateError('CERTIFICATE_NAME_INVALID', message, remedy)
}
