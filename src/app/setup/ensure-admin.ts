import { readFile, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkNewPassword } from '../../accounts/passwords/password-rules.ts'
import type { Config } from '../../config/config.ts'
import {
  choosePassword,
  FIRST_ADMIN,
  firstPasswordFile,
  keepFirstPassword,
  makeFirstAdmin,
} from '../data/first-admin.ts'
import { readGivenPassword } from '../data/given-password.ts'
import { type OpenData, openData } from '../data/open-data.ts'
import type { DatabaseOptions } from '../database/open-database.ts'
import { toAppError } from '../faults/system-fault.ts'
import { isLocked } from '../folders/data-folder.ts'

/** The administrator after a setup. */
export interface SetUpAdmin {
  readonly name: string
  /** Password to show; undefined: it was given, or the account existed before. */
  readonly password: string | undefined
  readonly isNew: boolean
}

/**
 * The password that is given for the administrator: `typed`, or that of the setting `admin-password-file`; checked, before
 * anything is changed. Errors: `AccountError`, `AppError` `ADMIN_PASSWORD_UNUSABLE`.
 */
export async function findGivenPassword(
  { adminPasswordFile }: Config,
  typed: string | undefined,
): Promise<string | undefined> {
  if (typed !== undefined) checkNewPassword(typed)
  if (typed !== undefined || adminPasswordFile === undefined) return typed
  return await readGivenPassword(adminPasswordFile)
}

/** Longest wait for a server that starts to make the administrator itself, and pause between two looks, in milliseconds. */
const SERVER_START_MS = 5_000
const POLL_MS = 100

/** Options of {@link ensureAdmin}. */
interface EnsureAdminOptions extends Pick<DatabaseOptions, 'onUpdate'> {
  /** Password that is given for the administrator. */
  readonly given: string | undefined
}

/**
 * Makes the first administrator, if there are no accounts. A password that is not given is kept in its file until
 * {@link forgetShownPassword}, so that it is not lost if it cannot be shown; one that is there, as a first start leaves it, is returned.
 * Errors: `AppError`, `AccountError`, `DatabaseError`.
 */
export async function ensureAdmin(
  config: Config,
  { given, onUpdate }: EnsureAdminOptions,
): Promise<SetUpAdmin> {
  await using data = await openData(config, { mayMake: true, takesNew: false, onUpdate })
  if (await staysEmpty(data, config.dataDir)) {
    const password = given ?? choosePassword()
    const passwordFile = given === undefined ? await keep(config.dataDir, password) : undefined
    // False: a server that starts has made it meanwhile, and has left its password in the file.
    if (await makeFirstAdmin(data.accounts, { name: FIRST_ADMIN, password, passwordFile }))
      return { name: FIRST_ADMIN, password: given === undefined ? password : undefined, isNew: true }
  }
  const left = await readFirstPassword(config.dataDir)
  if (left === undefined) return { name: FIRST_ADMIN, password: undefined, isNew: false }
  // Removes the file, too.
  if (given !== undefined) await data.accounts.setPassword(FIRST_ADMIN, given)
  return { name: FIRST_ADMIN, password: given === undefined ? left : undefined, isNew: true }
}

/** True if there are no accounts. A server that starts on the folder makes one, and has written its password before. */
async function staysEmpty({ accounts }: OpenData, dataDir: string): Promise<boolean> {
  const deadline = performance.now() + SERVER_START_MS
  while (await accounts.isEmpty()) {
    if (!isLocked(dataDir) || performance.now() > deadline) return true
    await sleep(POLL_MS)
  }
  return false
}

async function keep(dataDir: string, password: string): Promise<string> {
  try {
    return await keepFirstPassword(dataDir, password)
  } catch (error) {
    throw toAppError(error, 'file', firstPasswordFile(dataDir))
  }
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
