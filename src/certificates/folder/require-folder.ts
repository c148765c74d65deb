import { readdir } from 'node:fs/promises'
import { CertificateError, reasonOf } from '../x509/certificate-error.ts'

/**
 * Checks that a folder of certificates is readable, for commands: an unreadable folder must not look like an empty one.
 * Errors: `CERTIFICATE_FOLDER_UNUSABLE`.
 * @param mayBeMissing True if it may be made later: not for one that was named by a flag.
 */
export async function requireFolder(folder: string, mayBeMissing: boolean): Promise<void> {
  try {
    await readdir(folder)
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === 'ENOENT' && mayBeMissing) return
    const [what, remedy] = REASONS[reason] ?? [
      `cannot be read (${reason})`,
      'Check the path, and the right to read it',
    ]
    throw new CertificateError('CERTIFICATE_FOLDER_UNUSABLE', `The folder ${folder} ${what}`, remedy, error)
  }
}

const REASONS: Readonly<Record<string, readonly [what: string, remedy: string]>> = {
  ENOENT: ['does not exist', 'Check the path given with --certs'],
  ENOTDIR: ['is a file', 'Name the folder it is in, or check the file itself with "berth cert check FILE"'],
  EACCES: ['may not be read by this user', 'Run it as the user whose folder it is, or as root'],
}
