import { databaseFile, prepareFolder } from '../../src/app/data-folder.ts'
import { openSqliteDatabase } from '../../src/metadata/sqlite/open-sqlite.ts'

/** Makes a data folder as the first start does, without an account. */
export async function makeDataFolder(dataDir: string): Promise<void> {
  await prepareFolder(dataDir)
  const database = await openSqliteDatabase(databaseFile(dataDir))
  await database.close()
}
