import type { Transaction } from 'kysely'
import { AccountError, type OwnedRepositories } from '../accounts.ts'
import type { AccountBelongings, FoundRepositories } from '../belongings.ts'
import type { AccountsSchema } from '../schema.ts'

/**
 * Owners of repositories. By rule `<name>/**` belongs to the account of that name. There are two exceptions: an account
 * may hold the names of removed ones beside its own, and a removed name whose repositories stayed has no owner until an
 * account takes it over, so that it is not inherited by chance. Names of both kinds are retired: a line of an htpasswd
 * file with such a name does not own the repositories below it.
 */

/** Most repositories listed for people; more of them are only counted. */
const MAX_NAMED = 20
/** Most of them in an error. */
const MAX_IN_ERROR = 3

/** Finds the repositories below a name, in a transaction or outside. */
export type FindBelow = (name: string, limit: number) => Promise<FoundRepositories>

/** The look-up of `belongings`, in a transaction if there is one. */
export function findBelowIn(
  belongings: AccountBelongings,
  tx?: Transaction<AccountsSchema> | undefined,
): FindBelow {
  return (name, limit) => belongings.findRepositories(name, { limit, tx })
}

/** Repositories below some names: how many there are, and the first of them. */
export async function findRepositoriesOf(
  find: FindBelow,
  owners: readonly string[],
): Promise<OwnedRepositories> {
  let count = 0
  const first: string[] = []
  for (const owner of owners) {
    const found = await find(owner, MAX_NAMED)
    count += found.count
    first.push(...found.names)
  }
  return { count, owners, names: first.slice(0, MAX_NAMED) }
}

/** Names beside its own that the account of a row holds. */
export function parseHeldNames({ held_names: text }: { readonly held_names: string }): readonly string[] {
  return text === NO_NAMES ? [] : (JSON.parse(text) as string[])
}

/** Names held by accounts that hold only their own. */
const NO_NAMES = '[]'

/** Gives further names to an account, which are retired. */
export async function giveNames(
  tx: Transaction<AccountsSchema>,
  holder: { readonly id: number; readonly held_names: string },
  { names, now }: { names: readonly string[]; now: number },
): Promise<void> {
  for (const name of names) await retireName(tx, name, now)
  const held = [...new Set([...parseHeldNames(holder), ...names])].sort()
  await setHeldNames(tx, holder.id, held)
}

/** Withholds a name from lines of htpasswd files until an account takes it over. */
export async function retireName(tx: Transaction<AccountsSchema>, name: string, now: number): Promise<void> {
  await tx
    .insertInto('retired_names')
    .values({ name, retired_at: now })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
}

/** Errors: `AccountError` `NAME_TAKEN` if there are repositories below the name, or another account holds it. */
export async function refuseTaken(
  tx: Transaction<AccountsSchema>,
  name: string,
  find: FindBelow,
): Promise<void> {
  const holder = await findHolder(tx, name)
  const { count, names } = await find(name, MAX_NAMED)
  if (count === 0 && !holder) return
  const some = count === 0 ? 'nothing yet' : names.slice(0, MAX_IN_ERROR).join(', ')
  const more = count > MAX_IN_ERROR ? ` and ${count - MAX_IN_ERROR} more` : ''
  const whose = holder ? `, which "${holder.name}" owns` : ''
  throw new AccountError(
    'NAME_TAKEN',
    `Whoever gets the name "${name}" owns what is below "${name}/": ${some}${more}${whose}`,
  )
}

/**
 * A name is that of one kind of account only: it would not be clear whose log-ins and log lines are meant. Errors:
 * `AccountError` with `code` if a robot has the name.
 */
export async function refuseRobotName(
  tx: Transaction<AccountsSchema>,
  name: string,
  code: 'ALREADY_EXISTS' | 'NAME_TAKEN',
): Promise<void> {
  const robot = await tx.selectFrom('robots').select('id').where('name', '=', name).executeTakeFirst()
  if (robot) throw new AccountError(code, `There is a robot "${name}" already`)
}

/** Frees a retired name. */
export async function releaseName(tx: Transaction<AccountsSchema>, name: string): Promise<void> {
  await tx.deleteFrom('retired_names').where('name', '=', name).execute()
}

/** Takes a name from its holder, if any. */
export async function clearClaim(tx: Transaction<AccountsSchema>, name: string): Promise<void> {
  await releaseName(tx, name)
  const holder = await findHolder(tx, name)
  if (!holder) return
  await setHeldNames(
    tx,
    holder.id,
    parseHeldNames(holder).filter((held) => held !== name),
  )
}

async function findHolder(tx: Transaction<AccountsSchema>, name: string) {
  const rows = await tx
    .selectFrom('users')
    .select(['id', 'name', 'held_names'])
    .where('held_names', '!=', NO_NAMES)
    .execute()
  return rows.find((row) => parseHeldNames(row).includes(name))
}

async function setHeldNames(
  tx: Transaction<AccountsSchema>,
  id: number,
  names: readonly string[],
): Promise<void> {
  await tx
    .updateTable('users')
    .set({ held_names: JSON.stringify(names) })
    .where('id', '=', id)
    .execute()
}
