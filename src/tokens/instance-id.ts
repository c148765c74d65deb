import { randomBytes } from 'node:crypto'
import type { Database } from '../database/database.ts'
import { readSetting } from './kept-setting.ts'
import type { TokensSchema } from './schema.ts'

/** Unguessable, so that tokens of one registry never pass for those of another with the same name. */
const INSTANCE_ID_BYTES = 16
const SETTING = 'instance_id'

/** The random id of this registry, made at first use and kept in its database. Concurrent processes get the same. */
export async function readInstanceId(database: Database<TokensSchema>): Promise<string> {
  return readSetting(database, SETTING, () => randomBytes(INSTANCE_ID_BYTES).toString('hex'))
}
