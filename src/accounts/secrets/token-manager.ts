import type { Transaction } from 'kysely'
import { MAX_ACCOUNT_NAME_LENGTH } from '../../access/account-name.ts'
import type { Database } from '../../database/database.ts'
import { AccountError } from '../accounts.ts'
import type { AccountBelongings } from '../belongings.ts'
import type { AccountsSchema } from '../schema.ts'
import type { NewSecret, TokenManager } from '../secrets.ts'
import { checkSecretName, describeSecret, makeSecret, rotateColumns, toDate } from './new-secret.ts'
import { formatLimits, parseLimits, type SecretRow } from './secret-rows.ts'

/** Tokens of one user: more than a person has machines and jobs, and a list that is still read. */
export const MAX_TOKENS_PER_USER = 100

/** Dependencies of the managers of secrets. */
export interface SecretManagerParts {
  readonly database: Database<AccountsSchema>
  readonly belongings: Pick<AccountBelongings, 'endLogIns' | 'endUploads' | 'removeRights'>
  readonly clock: () => number
}

/** Makes the manager of personal tokens. */
export function createTokenManager(parts: SecretManagerParts): TokenManager {
  const { database, belongings, clock } = parts
  return {
    create: (token) => createToken(parts, token),
    async list(user) {
      const query = database.read
        .selectFrom('account_secrets as s')
        .innerJoin('users as u', 'u.id', 's.user_id')
        .selectAll('s')
        .select('u.name as user_name')
        .orderBy('u.name')
        .orderBy('s.name')
      const rows = await (user === undefined ? query : query.where('u.name', '=', user)).execute()
      return rows.map((row) => ({
        ...describeSecret(row),
        name: row.name,
        user: row.user_name,
        limits: parseLimits(row.limits),
      }))
    },
    async revoke(user, token) {
      await database.transaction(async (tx) => {
        const row = await requireToken(tx, user, token)
        await tx.deleteFrom('account_secrets').where('id', '=', row.id).execute()
        await belongings.endLogIns(tx, user, row.id)
      })
    },
    async rotate(user, token, rotation) {
      return database.transaction(async (tx): Promise<NewSecret> => {
        const row = await requireToken(tx, user, token)
        const { secret, columns } = rotateColumns(row, { kind: 'pat', now: clock(), rotation })
        await tx.updateTable('account_secrets').set(columns).where('id', '=', row.id).execute()
        return { id: row.id, secret, expiresAt: toDate(columns.expires_at) }
      })
    },
  }
}

async function createToken(
  { database, clock }: SecretManagerParts,
  token: Parameters<TokenManager['create']>[0],
): Promise<NewSecret> {
  const { user, name, limits, expiresAt } = token
  checkSecretName(name, 'token')
  const { secret, columns } = makeSecret('pat', { now: clock(), expiresAt })
  await database.transaction(async (tx) => {
    const { id } = await requireUser(tx, user)
    const others = await tx.selectFrom('account_secrets').select('name').where('user_id', '=', id).execute()
    if (others.some((other) => other.name === name))
      throw new AccountError('ALREADY_EXISTS', `There is a token "${name}" of ${user} already`)
    if (others.length >= MAX_TOKENS_PER_USER)
      throw new AccountError('TOO_MANY_TOKENS', `"${user}" has ${MAX_TOKENS_PER_USER} tokens already`)
    await tx
      .insertInto('account_secrets')
      .values({ ...columns, ...NOT_YET, user_id: id, robot_id: null, name, limits: formatLimits(limits) })
      .execute()
  })
  return { id: columns.id, secret, expiresAt }
}

/** Columns of a secret that was never used or replaced. */
export const NOT_YET = {
  previous_hash: null,
  previous_until: null,
  rotated_at: null,
  used_at: null,
  used_from: null,
} as const

/** The row of a user of the database. Errors: `AccountError` `UNKNOWN_ACCOUNT`. */
export async function requireUser(tx: Transaction<AccountsSchema>, name: string): Promise<{ id: number }> {
  const row = await tx.selectFrom('users').select('id').where('name', '=', name).executeTakeFirst()
  if (row) return row
  throw new AccountError(
    'UNKNOWN_ACCOUNT',
    `There is no account "${name.slice(0, MAX_ACCOUNT_NAME_LENGTH)}" in the database; those of password files have no tokens and robots`,
  )
}

async function requireToken(
  tx: Transaction<AccountsSchema>,
  user: string,
  token: string,
): Promise<SecretRow> {
  const { id } = await requireUser(tx, user)
  const rows = await tx.selectFrom('account_secrets').selectAll().where('user_id', '=', id).execute()
  const row = rows.find(({ name }) => name === token) ?? rows.find((one) => one.id === token)
  if (row) return row
  throw new AccountError(
    'TOKEN_UNKNOWN',
    `"${user}" has no token "${token.slice(0, MAX_ACCOUNT_NAME_LENGTH)}"`,
  )
}
