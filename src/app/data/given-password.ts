import { AccountError } from '../../accounts/accounts.ts'
import { checkNewPassword } from '../../accounts/passwords/password-rules.ts'
import { readSmallFile } from '../../files/read-small-file.ts'
import { AppError } from '../faults/app-error.ts'

/** Largest file of a password that is read, in bytes: a longer one is another file. */
const MAX_FILE_BYTES = 4096

/**
 * Reads the password that the operator gives the first administrator: the whole file without its last line break.
 * Errors: `AppError` `ADMIN_PASSWORD_UNUSABLE`, which shows the path and nothing of the content.
 */
export async function readGivenPassword(path: string): Promise<string> {
  const password = (await readStart(path)).replace(/\r?\n$/, '')
  try {
    checkNewPassword(password)
  } catch (cause) {
    if (!(cause instanceof AccountError)) throw cause
    throw unusable(path, cause.message, cause)
  }
  return password
}

async function readStart(path: string): Promise<string> {
  try {
    const file = await readSmallFile(path, MAX_FILE_BYTES)
    if ('problem' in file) throw unusable(path, file.problem)
    return file.text
  } catch (cause) {
    if (cause instanceof AppError || !(cause instanceof Error && 'code' in cause)) throw cause
    throw unusable(path, `it cannot be read (${String(cause.code)})`, cause)
  }
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'ADMIN_PASSWORD_UNUSABLE',
    `The file of admin-password-file, ${path}, cannot be used: ${why}`,
    'Put one line with the password into it, readable by the user whom Berth runs as, or leave the setting out: then Berth chooses one',
    cause,
  )
}
