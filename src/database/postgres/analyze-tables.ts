import type pg from 'pg'
import { takeConnection } from './connection/postgres-dialect.ts'

/**
 * Counts the rows of all tables anew, from samples. A failure changes nothing but the time: autovacuum does the same within
 * some minutes, and the rows that were written are committed.
 */
export async function analyzeTables(pool: pg.Pool): Promise<void> {
  try {
    const connection = await takeConnection(pool)
    try {
      const { rows } = await connection.executeQuery<{ list: string | null }>({
        sql: `select string_agg(format('%I.%I', schemaname, tablename), ', ') as list
          from pg_tables where schemaname = current_schema()`,
        parameters: [],
      })
      const list = rows[0]?.list
      if (list) await connection.executeQuery({ sql: `analyze ${list}`, parameters: [] })
    } finally {
      connection.release()
    }
  } catch {
    // As said above.
  }
}
