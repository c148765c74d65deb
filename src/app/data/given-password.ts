import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { AccountError } from '../../accounts/accounts.ts'
import { checkNewPassword } from '../../accounts/passwords/password-rules.ts'
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
    // A pipe does not wait for its writer with this flag. It is no file that can be read twice, as a first start does.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const facts = await file.stat()
    if (!facts.isFile()) throw unusable(path, 'it is no regular file')
    if (facts.size > MAX_FILE_BYTES) throw unusable(path, `it is longer than ${MAX_FILE_BYTES} bytes`)
    const bytes = await file.readFile()
    return bytes.toString('utf8', 0, MAX_FILE_BYTES)
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
