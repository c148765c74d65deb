import { join } from 'node:path'
import type { Database } from '../../src/metadata/database.ts'
import { openSqliteDatabase } from '../../src/metadata/sqlite/open-sqlite.ts'
import { makeTempFolder } from './temp-folder.ts'

/** A database in a folder of its own. */
export interface TemporaryDatabase extends AsyncDisposable {
  readonly database: Database
  /** The folder, for further files. */
  readonly folder: string
  /** Opens the same file once more, as another process would; closed with the first. */
  openAgain(): Promise<Database>
}

/** Makes an empty database of the newest schema; disposing closes it and removes its folder. */
export async function temporaryDatabase(): Promise<TemporaryDatabase> {
  const folder = await makeTempFolder('database')
  const file = join(folder.path, 'berth.sqlite')
  const open: Database[] = [await openSqliteDatabase(file)]
  const openAgain = async (): Promise<Database> => {
    const another = await openSqliteDatabase(file)
    open.push(another)
    return another
  }
  return {
    database: open[0] as Database,
    folder: folder.path,
    openAgain,
    async [Symbol.asyncDispose]() {
      for (const database of open) await database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}
