import { MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import { databaseFile, prepareFolder } from '../../../src/app/folders/data-folder.ts'
import { openSqliteDatabase } from '../../../src/database/sqlite/open-sqlite.ts'

/** Makes a data folder as the first start does, without an account. */
export async function makeDataFolder(dataDir: string): Promise<void> {
  await prepareFolder(dataDir)
  const database = await openSqliteDatabase(databaseFile(dataDir), { migrations: MIGRATION_SETS })
  await database.close()
}
