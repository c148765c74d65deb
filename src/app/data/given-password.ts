import { AccountError } from '../../accounts/accounts.ts'
import { checkNewPassword } from '../../accounts/passwords/password-rules.ts'
import { AppError } from '../faults/app-error.ts'
import { readGivenFile } from '../faults/read-given-file.ts'

/** Largest file of a password that is read, in bytes: a longer one is another file. */
const MAX_FILE_BYTES = 4096

/**
 * Reads the password that the operator gives the first administrator: the whole file without its last line break.
 * Errors: `AppError` `ADMIN_PASSWORD_UNUSABLE`, which shows the path and nothing of the content.
 */
export async function readGivenPassword(path: string): Promise<string> {
  const password = (
    await readGivenFile(path, MAX_FILE_BYTES, (why, cause) => unusable(path, why, cause))
  ).replace(/\r?\n$/, '')
  try {
    checkNewPassword(password)
  } catch (cause) {
    if (!(cause instanceof AccountError)) throw cause
    throw unusable(path, cause.message, cause)
  }
  return password
}

function unusable(path: string, why: string, cause?: unknown): AppError {
  return new AppError(
    'ADMIN_PASSWORD_UNUSABLE',
    `The file of admin-password-file, ${path}, cannot be used: ${why}`,
    'Put one line with the password into it, readable by the user whom Berth runs as, or leave the setting out: then Berth chooses one',
    cause,
  )
}
