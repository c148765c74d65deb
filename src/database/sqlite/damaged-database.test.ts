import assert from 'node:assert/strict'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { ACCOUNTS_MIGRATIONS } from '../../accounts/migrations.ts'
import type { AccountsSchema } from '../../accounts/schema.ts'
import { OciError } from '../../oci/errors.ts'
import { openSqliteDatabase } from './open-sqlite.ts'

/** Page of SQLite, in bytes. */
const PAGE = 4096

test('a read of a damaged page is answered 503, and ends nothing', async () => {
  await using folder = await makeTempFolder('damaged')
  const file = join(folder.path, 'db')
  const made = await openSqliteDatabase<AccountsSchema>(file, { migrations: [ACCOUNTS_MIGRATIONS] })
  await made.close()
  await damageAllButSchema(file)
  const database = await openSqliteDatabase<AccountsSchema>(file, { migrations: [ACCOUNTS_MIGRATIONS] })
  const find = database.prepareFirst(
    database.read.selectFrom('users').selectAll().where('name', '=', 'alice').compile(),
  )
  for (let turn = 0; turn < 3; turn++) {
    assert.throws(() => find('alice'), isDamage)
    await assert.rejects(database.read.selectFrom('users').selectAll().execute(), isDamage)
    // The snapshot ends with the turn of the event loop; an error there would end the process.
    await setImmediate()
  }
  await database.close()
})

function isDamage(error: unknown): boolean {
  return error instanceof OciError && error.code === 'UNAVAILABLE' && /damaged/.test(error.message)
}

/** Overwrites the first page of the table of accounts, and of each of its indexes. */
async function damageAllButSchema(file: string): Promise<void> {
  const pages = readRoots(file)
  assert.ok(pages.length > 0 && (await stat(file)).size > PAGE)
  await using handle = await open(file, 'r+')
  for (const page of pages) await handle.write(Buffer.alloc(PAGE, 0x5a), 0, PAGE, (page - 1) * PAGE)
}

function readRoots(file: string): number[] {
  using database = new DatabaseSync(file)
  const rows = database
    .prepare("select rootpage from sqlite_schema where tbl_name = 'users' and rootpage > 0")
    .all()
  return rows.map(({ rootpage }) => Number(rootpage))
}
