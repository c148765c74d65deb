import pg from 'pg'
import type { Queries } from '../database.ts'
import { kysely } from '../kysely.ts'
import { PoolDialect } from './connection/postgres-dialect.ts'
import { clientConfig, type PostgresTarget } from './connection/postgres-target.ts'

/**
 * Reads a database as it is at one moment, over a connection of its own. Servers go on meanwhile; rows that they replace stay
 * in the tables until it ends. Errors: those of `work`; `OciError` `UNAVAILABLE`.
 */
export async function readPostgresSnapshot<S, R>(
  target: PostgresTarget,
  work: (queries: Queries<S>) => Promise<R>,
): Promise<R> {
  const pool = new pg.Pool({ ...clientConfig(target), max: 1 })
  // A connection that is lost fails its query, too.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  const db = new kysely.Kysely<S>({ dialect: new PoolDialect({ pool, notify: '', onChanged: () => {} }) })
  try {
    return await db.transaction().setIsolationLevel('snapshot').execute(work)
  } finally {
    await pool.end()
  }
}
