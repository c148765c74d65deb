import { readFile, rm } from 'node:fs/promises'
import { checkNewPassword } from '../../accounts/passwords/password-rules.ts'
import type { Config } from '../../config/config.ts'
import { choosePassword, FIRST_ADMIN, firstPasswordFile, makeFirstAdmin } from '../data/first-admin.ts'
import { openData } from '../data/open-data.ts'
import { toAppError } from '../faults/system-fault.ts'

/** The administrator after a setup. */
export interface SetUpAdmin {
  readonly name: string
  /** Password to show; undefined: it was given, or the account existed before. */
  readonly password: string | undefined
  readonly isNew: boolean
}

/** Checks a password that is given, before anything is changed. Errors: `AccountError`. */
export function requireUsable(password: string | undefined): void {
  if (password !== undefined) checkNewPassword(password)
}

/**
 * Makes the first administrator, if there are no accounts. If a first start has made it, the password is taken from the
 * file that the start has left, and the file is removed. Errors: `AppError`, `AccountError`, `DatabaseError`.
 */
export async function ensureAdmin(config: Config, given: string | undefined): Promise<SetUpAdmin> {
  await using data = await openData(config)
  if (await data.accounts.isEmpty()) {
    const password = given ?? choosePassword()
    const admin = { name: FIRST_ADMIN, password, passwordFile: undefined }
    // False: a server that starts has made it meanwhile, and has left its password in the file.
    if (await makeFirstAdmin(data.accounts, admin))
      return { name: FIRST_ADMIN, password: given === undefined ? password : undefined, isNew: true }
  }
  const left = await readFirstPassword(config.dataDir)
  if (left === undefined) return { name: FIRST_ADMIN, password: undefined, isNew: false }
  // Removes the file, too.
  if (given !== undefined) await data.accounts.setPassword(FIRST_ADMIN, given)
  return { name: FIRST_ADMIN, password: given === undefined ? left : undefined, isNew: true }
}

/** Removes the file of a password that has been shown. */
export async function forgetShownPassword(dataDir: string): Promise<void> {
  await rm(firstPasswordFile(dataDir), { force: true })
}

async function readFirstPassword(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(firstPasswordFile(dataDir), 'utf8')).trim()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw toAppError(error, 'file', firstPasswordFile(dataDir))
  }
}
