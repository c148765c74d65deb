import type { Transaction } from 'kysely'
import type { Database, JoinedTransaction } from '../../database/database.ts'
import type { TokensSchema } from '../schema.ts'
import type { LogInManager } from '../tokens.ts'

/** Makes the manager of log-ins; an ended log-in counts at once for a running server. */
export function createLogInManager(
  database: Database<TokensSchema>,
  clock: () => number = database.now,
): LogInManager {
  return {
    async list(name) {
      const rows = await database.read
        .selectFrom('refresh_tokens')
        .select(['id', 'client_id', 'created_at', 'used_at', 'expires_at'])
        .where('user_name', '=', name)
        .where('expires_at', '>', clock())
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .execute()
      return rows.map((row) => ({
        id: row.id,
        client: row.client_id,
        createdAt: new Date(row.created_at),
        usedAt: row.used_at === null ? undefined : new Date(row.used_at),
        expiresAt: new Date(row.expires_at),
      }))
    },
    async end(name, id) {
      const { numDeletedRows } = await database.transaction((tx) => {
        const query = deleteLogIns(tx, name)
        return (id === undefined ? query : query.where('id', '=', id)).executeTakeFirst()
      })
      return Number(numDeletedRows)
    },
  }
}

/**
 * Ends all log-ins and access tokens of all accounts, for facts of a backup: tokens revoked since would be valid again, and
 * who has read the backup has the keys. A server makes new keys. Errors: as of the database.
 */
export async function forgetAllLogIns(database: Database<TokensSchema>): Promise<void> {
  await database.transaction(async (tx) => {
    for (const table of ['refresh_tokens', 'spent_refresh_tokens', 'token_keys'] as const)
      await tx.deleteFrom(table).execute()
  })
}

/**
 * Ends all log-ins of a name, or those that were made with the secret or the trust of an id, as part of a transaction of
 * another capability.
 */
export async function endLogIns(tx: JoinedTransaction, name: string, credential?: string): Promise<void> {
  const query = deleteLogIns(tx.withTables<{ [T in keyof TokensSchema]: TokensSchema[T] }>(), name)
  // Its credentials are this id and, after a point, its version.
  const ofCredential =
    credential === undefined
      ? query
      : query.where('credential', '>=', `${credential}.`).where('credential', '<', `${credential}/`)
  await ofCredential.execute()
}

function deleteLogIns(tx: Transaction<TokensSchema>, name: string) {
  return tx.deleteFrom('refresh_tokens').where('user_name', '=', name)
}
