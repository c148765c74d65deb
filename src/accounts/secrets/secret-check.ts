import type { Database } from '../../database/database.ts'
import { type Account, AccountError } from '../accounts.ts'
import type { AccountsSchema } from '../schema.ts'
import { createSecretFinders, type HeldSecretRow, toHolder } from './secret-rows.ts'
import { findSecretKind, hashSecret } from './secret-text.ts'
import { createUseNotes } from './use-notes.ts'

/**
 * Time for which a secret counts after its end if it was in use then: a push that began before goes on to its end, for which
 * clients log in again every few minutes. One hour is a push of 100 GB at 30 MB/s.
 */
export const EXPIRY_GRACE_MS = 3_600_000
/** A secret was in use at its end if it was used within this time before: each use is recorded to within half of it. */
const IN_USE_MS = 30 * 60_000
/** Characters of the hash in the name of a credential: they differ between a secret and the one before it. */
const HASH_LENGTH = 12

/** Checks secrets in the place of passwords: a hash and a look-up, so that CI costs nothing. */
interface SecretCheck {
  /**
   * The account of a secret, for a password that has the form of one; undefined: it is no known secret. Errors:
   * `AccountError` `TOKEN_REFUSED`, `isSecret()` must hold.
   */
  verify(login: {
    name: string | undefined
    secret: string
    remoteAddress?: string | undefined
  }): Promise<Account | undefined>
  /** The account of a credential that {@link verify} has returned, while its secret is in force. */
  find(name: string, credential: string): Promise<Account | undefined>
}

/** True for a text that only a secret begins like: it is not compared with any password. */
export function isSecret(password: string): boolean {
  return findSecretKind(password) !== undefined
}

/** Makes the check over a database. */
export function createSecretCheck(database: Database<AccountsSchema>, clock: () => number): SecretCheck {
  const finders = createSecretFinders(database)
  const noteUse = createUseNotes(database, 'account_secrets', clock)
  return {
    async verify({ name, secret, remoteAddress }) {
      // A typing error costs no look-up.
      if (findSecretKind(secret) === 'faulty') return undefined
      const shown = hashSecret(secret)
      const row = (await finders.byHash(shown)) ?? (await finders.byPreviousHash(shown))
      if (!row) return undefined
      const account = toAccount(row, shown)
      refuseOther(account, { name, row })
      refuseEnded(row, { shown, now: clock() })
      await noteUse(row, remoteAddress)
      return account
    },
    async find(name, credential) {
      const [id = '', begin = ''] = credential.split('.')
      const row = await finders.byId(id)
      if (!row) return undefined
      const shown = [row.hash, ...(row.previous_hash === null ? [] : [row.previous_hash])].find(
        (stored) => begin === stored.slice(0, HASH_LENGTH),
      )
      if (shown === undefined || findEnd(row, { shown, now: clock() })) return undefined
      const account = toAccount(row, shown)
      if (account.name !== name || account.isDisabled) return undefined
      await noteUse(row, undefined)
      return account
    },
  }
}

function toAccount(row: HeldSecretRow, shown: string): Account {
  return toHolder(row, { id: `${row.id}.${shown.slice(0, HASH_LENGTH)}`, limits: row.limits })
}

/** Its messages are for holders of the secret only, and help to find a mistake. */
function refuseOther(
  account: Account,
  { name, row }: { name: string | undefined; row: HeldSecretRow },
): void {
  const what = row.robot_id === null ? 'personal token' : 'secret of a robot'
  if (name !== undefined && account.name !== name)
    throw new AccountError(
      'TOKEN_REFUSED',
      `This ${what} belongs to another user name: log in as "${account.name}"`,
    )
  if (account.isDisabled) throw new AccountError('TOKEN_REFUSED', `The account of this ${what} is disabled`)
}

function refuseEnded(row: HeldSecretRow, shown: { shown: string; now: number }): void {
  const end = findEnd(row, shown)
  if (end)
    throw new AccountError(
      'TOKEN_REFUSED',
      `This ${row.robot_id === null ? 'personal token' : 'secret of a robot'} ${end}: make or rotate one`,
    )
}

/** The end of a secret, as the end of a sentence; undefined: it is in force. */
function findEnd(row: HeldSecretRow, { shown, now }: { shown: string; now: number }): string | undefined {
  if (row.hash !== shown && (row.previous_until === null || now >= row.previous_until))
    return 'was replaced by a newer one'
  if (row.expires_at === null || now < row.expires_at) return undefined
  const wasInUse = row.used_at !== null && row.used_at >= row.expires_at - IN_USE_MS
  if (wasInUse && now < row.expires_at + EXPIRY_GRACE_MS) return undefined
  return `expired at ${new Date(row.expires_at).toISOString()}`
}
