import type { Database, Queries } from '../database/database.ts'
import type { TokensSchema } from './schema.ts'

/**
 * A value that a registry makes at first use and keeps in its database. Concurrent processes get the same; an existing
 * value is only read, as a full disk allows no write.
 */
export async function readSetting(
  database: Database<TokensSchema>,
  name: string,
  make: () => string,
): Promise<string> {
  const known = await findSetting(database.read, name)
  if (known !== undefined) return known
  const value = make()
  return database.transaction(async (tx) => {
    const made = await findSetting(tx, name)
    if (made !== undefined) return made
    await tx.insertInto('settings').values({ name, value }).execute()
    return value
  })
}

async function findSetting(db: Queries<TokensSchema>, name: string): Promise<string | undefined> {
  const row = await db.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  return row?.value
}
