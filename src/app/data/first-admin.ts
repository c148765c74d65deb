import { randomBytes } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { AccountError, type AccountManager } from '../../accounts/accounts.ts'
import { OciError } from '../../oci/errors.ts'
import { readGivenPassword } from './given-password.ts'

/** Name of the administrator made at the first start. */
export const FIRST_ADMIN = 'admin'

/** The administrator that a first start makes. */
export interface FirstAdmin {
  readonly name: string
  readonly password: string
  /** File in the data folder with the password; undefined: it is shown on a terminal, or given. */
  readonly passwordFile: string | undefined
  /** True if the operator has given the password: it is neither shown nor kept. */
  readonly isGiven?: boolean
}

/** Options of {@link prepareFirstAdmin}. */
interface FirstAdminOptions {
  readonly dataDir: string
  /** True if a terminal shows the password. */
  readonly isSeen: boolean
  /** File in which the operator gives the password. */
  readonly givenFile?: string | undefined
  readonly logger: Logger
}

/**
 * Chooses the password of the first administrator and keeps it in a file for its owner alone, unless a terminal shows
 * it: standard output of a service ends up in logs that others read.
 * A password of the operator is used as it is. Errors: `AppError` `ADMIN_PASSWORD_UNUSABLE`.
 * @returns undefined if there are accounts, or the file cannot be written: then the next start does it.
 */
export async function prepareFirstAdmin(
  accounts: AccountManager,
  { dataDir, isSeen, givenFile, logger }: FirstAdminOptions,
): Promise<FirstAdmin | undefined> {
  if (!(await accounts.isEmpty())) return undefined
  if (givenFile !== undefined) {
    const password = await readGivenPassword(givenFile)
    return { name: FIRST_ADMIN, password, passwordFile: undefined, isGiven: true }
  }
  const password = choosePassword()
  if (isSeen) return { name: FIRST_ADMIN, password, passwordFile: undefined }
  const passwordFile = firstPasswordFile(dataDir)
  try {
    await keepFirstPassword(dataDir, password)
  } catch (err) {
    await rm(passwordFile, { force: true }).catch(() => {})
    logger.error(
      { err },
      `no administrator was made: ${passwordFile} cannot be written, so its password would be lost. Make one with "berth user add NAME --admin"`,
    )
    return undefined
  }
  return { name: FIRST_ADMIN, password, passwordFile }
}

/**
 * Makes the administrator whose password was shown or kept. Errors: those of the database; the file is gone then, unless
 * it is not known if the account was made.
 * @returns false if another node on the same database has made it meanwhile: the other's password counts, and the file
 * is gone.
 */
export async function makeFirstAdmin(
  accounts: AccountManager,
  { name, password, passwordFile }: FirstAdmin,
): Promise<boolean> {
  try {
    // Repositories below the name are no obstacle: an administrator owns all there are.
    await accounts.add({ name, password, isAdmin: true, takeOver: true })
    return true
  } catch (error) {
    if (passwordFile !== undefined && !mayBeMade(error)) await rm(passwordFile, { force: true })
    if (error instanceof AccountError && error.code === 'ALREADY_EXISTS') return false
    throw error
  }
}

/** True if the database went away: the account may be there all the same, and its password is nowhere else. */
function mayBeMade(error: unknown): boolean {
  return error instanceof OciError && error.code === 'UNAVAILABLE'
}

/** Removes the file of the first password, which no longer counts once the account has another one or is gone. */
export async function forgetFirstPassword(dataDir: string, name: string): Promise<void> {
  if (name === FIRST_ADMIN) await rm(firstPasswordFile(dataDir), { force: true })
}

/** A password that is safe without a rule for its length: 120 random bits. */
export function choosePassword(): string {
  return randomBytes(15).toString('base64url')
}

/** Path of the file with the password that a first start chose. */
export function firstPasswordFile(dataDir: string): string {
  return join(dataDir, 'first-password')
}

/** Keeps the password in its file until it has been shown. Errors: those of the file system. @returns the path. */
export async function keepFirstPassword(dataDir: string, password: string): Promise<string> {
  const file = firstPasswordFile(dataDir)
  await writePrivately(file, `${password}\n`)
  return file
}

/** Writes a file for its owner alone; an existing one could be readable by others, and is replaced. */
async function writePrivately(path: string, text: string): Promise<void> {
  await rm(path, { force: true })
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}
