import type { Database } from '../metadata/database.ts'

/**
 * A value that a registry makes at first use and keeps in its database. Processes that ask at once agree; where it is
 * there already nothing is written, as on a full disk nothing can be.
 */
export async function readSetting(database: Database, name: string, make: () => string): Promise<string> {
  const find = () =>
    database.writer.selectFrom('settings').select('value').where('name', '=', name).executeTakeFirst()
  const known = await find()
  if (known) return known.value
  await database.writer
    .insertInto('settings')
    .values({ name, value: make() })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const made = await find()
  if (!made) throw new Error(`The setting ${name} is not kept`)
  return made.value
}
