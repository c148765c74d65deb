import { open } from 'node:fs/promises'
import { CertificateError, reasonOf } from './certificate-error.ts'
import { MAX_CERTIFICATE_FILE_BYTES, type MailedFile } from './mailed-files.ts'

/** Most files read at once. */
const MAX_FILES = 100

/** Reads files that an operator named. Errors: `CERTIFICATE_UNREADABLE`. */
export async function readCertificateFiles(paths: readonly string[]): Promise<MailedFile[]> {
  if (paths.length > MAX_FILES) throw unreadable(`More than ${MAX_FILES} files were given`)
  return await Promise.all(paths.map(readCertificateFile))
}

/** Reads a file as far as certificates go: one byte more than is taken, so that larger ones are told. */
export async function readCertificateFile(path: string): Promise<MailedFile> {
  try {
    await using file = await open(path)
    const buffer = Buffer.alloc(Math.min((await file.stat()).size + 1, MAX_CERTIFICATE_FILE_BYTES + 1))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return { name: path, bytes: buffer.subarray(0, bytesRead) }
  } catch (error) {
    throw unreadable(`${path} cannot be read (${reasonOf(error)})`, error)
  }
}

function unreadable(message: string, cause?: unknown): CertificateError {
  return new CertificateError(
    'CERTIFICATE_UNREADABLE',
    message,
    'Check the path, and the right to read it',
    cause,
  )
}
