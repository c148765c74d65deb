import { randomBytes } from 'node:crypto'
import type { Database } from '../metadata/database.ts'

/** Unguessable, so that tokens of one registry never pass for those of another that was given the same name. */
const INSTANCE_ID_BYTES = 16
const SETTING = 'instance_id'

/** The random id of this registry, made at first use and kept in its database. Processes that ask at once agree. */
export async function readInstanceId(database: Database): Promise<string> {
  const value = randomBytes(INSTANCE_ID_BYTES).toString('hex')
  await database.writer
    .insertInto('settings')
    .values({ name: SETTING, value })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute()
  const setting = await database.writer
    .selectFrom('settings')
    .select('value')
    .where('name', '=', SETTING)
    .executeTakeFirstOrThrow()
  return setting.value
}
