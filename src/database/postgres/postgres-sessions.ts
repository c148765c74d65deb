import type { AnyTables } from '../copy/copied-table.ts'
import type { Queries } from '../database.ts'
import { kysely } from '../kysely.ts'

const { sql } = kysely

/** Most sessions that are named. */
const MAX_SESSIONS = 5

/** A connection of some Berth to the same database. */
interface OtherSession {
  readonly application: string
  /** Its address; `this machine` for a Unix socket. */
  readonly address: string
  /** Time of its opening, ISO 8601. */
  readonly since: string
}

/** The connections that other processes of Berth have to this database, as far as this user may see them. */
export async function findOtherSessions(
  queries: Queries<AnyTables>,
  ownName: string,
): Promise<OtherSession[]> {
  const rows = await queries
    .selectFrom('pg_stat_activity')
    .select([
      'application_name as application',
      sql<string>`coalesce(host(client_addr), 'this machine')`.as('address'),
      sql<string>`to_char(backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`.as('since'),
    ])
    .where(sql<boolean>`datname = current_database()`)
    .where('application_name', 'like', 'berth%')
    .where('application_name', '!=', ownName)
    .limit(MAX_SESSIONS)
    .execute()
  return rows.map(({ application, address, since }) => ({ application: String(application), address, since }))
}
