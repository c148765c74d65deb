import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BerthSchema, MIGRATION_SETS } from '../../../src/app/database/database-schema.ts'
import type { Database } from '../../../src/database/database.ts'
import { openSqliteDatabase } from '../../../src/database/sqlite/open-sqlite.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'

/** A database in a folder of its own. */
export interface TemporaryDatabase extends AsyncDisposable {
  readonly database: Database<BerthSchema>
  /** The folder, for further files. */
  readonly folder: string
  /** Opens the same file once more, as another process would; closed with the first. */
  openAgain(): Promise<Database<BerthSchema>>
}

/** File of an empty database of the newest schema: a copy is made faster than its tables. */
let template: Promise<Buffer> | undefined

async function makeTemplate(): Promise<Buffer> {
  await using folder = await makeTempFolder('template')
  const file = join(folder.path, 'berth.sqlite')
  const database = await openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS })
  // The last connection that closes writes all into the one file.
  await database.close()
  return readFile(file)
}

/** Makes an empty database of the newest schema; disposing closes it and removes its folder. */
export async function temporaryDatabase(): Promise<TemporaryDatabase> {
  const folder = await makeTempFolder('database')
  const file = join(folder.path, 'berth.sqlite')
  template ??= makeTemplate()
  await writeFile(file, await template, { mode: 0o600 })
  const open: Database<BerthSchema>[] = []
  const openAgain = async (): Promise<Database<BerthSchema>> => {
    const another = await openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS })
    open.push(another)
    return another
  }
  return {
    database: await openAgain(),
    folder: folder.path,
    openAgain,
    async [Symbol.asyncDispose]() {
      for (const database of open) await database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}
