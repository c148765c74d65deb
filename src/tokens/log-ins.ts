import type { Database } from '../metadata/database.ts'
import type { LogInManager } from './tokens.ts'

/** Makes the manager of log-ins; what it ends counts at once for a server that runs. */
export function createLogInManager(database: Database, clock: () => number = Date.now): LogInManager {
  return {
    async list(name) {
      const rows = await database.reader
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
      let query = database.writer.deleteFrom('refresh_tokens').where('user_name', '=', name)
      if (id !== undefined) query = query.where('id', '=', id)
      const { numDeletedRows } = await query.executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}
