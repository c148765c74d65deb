import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'
import { MAX_CERTIFICATE_FILE_BYTES, type MailedFile } from '../x509/mailed-files.ts'

/** Most files read at once. */
const MAX_FILES = 100

/** Reads files that an operator named. Errors: `CERTIFICATE_UNREADABLE`. */
export async function readCertificateFiles(paths: readonly string[]): Promise<MailedFile[]> {
  if (paths.length > MAX_FILES)
    throw unreadable(`More than ${MAX_FILES} files were given`, 'Give those of one certificate')
  return await Promise.all(paths.map(readCertificateFile))
}

/**
 * Reads a certificate file: at most one byte more than the limit, so that larger ones are recognized. Pipes and devices
 * are refused: one without a writer would block all reads. Errors: `CERTIFICATE_UNREADABLE`.
 */
export async function readCertificateFile(path: string): Promise<MailedFile> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stats = await file.stat()
    if (stats.isDirectory()) throw unreadable(`${path} is a folder`, 'Name the files in it, such as mail/*')
    if (!stats.isFile())
      throw unreadable(
        `${path} is a pipe or a device, not a file`,
        'Write its content to a file, and name that',
      )
    const buffer = Buffer.alloc(Math.min(stats.size + 1, MAX_CERTIFICATE_FILE_BYTES + 1))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return { name: path, bytes: buffer.subarray(0, bytesRead) }
  } catch (error) {
    if (error instanceof CertificateError) throw error
    throw unreadable(`${path} cannot be read (${reasonOf(error)})`, CHECK_PATH, error)
  }
}

const CHECK_PATH = 'Check the path, and the right to read it'

function unreadable(message: string, remedy: string, cause?: unknown): CertificateError {
  return new CertificateError('CERTIFICATE_UNREADABLE', message, remedy, cause)
}
