import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { COPIED_TABLES } from './copied-tables.ts'
import { MIGRATION_SETS } from './database-schema.ts'

/** Tables that hold no facts: what was migrated, SQLite's own, where a copy has got to, and sums, which it counts anew. */
const NOT_COPIED = [
  ...['kysely_migration', 'sqlite_sequence', 'unfinished_copy'],
  ...['repository_sizes', 'size_changes'],
]

test('a copy holds every table, by its whole key, after those that its rows refer to', async () => {
  await using folder = await makeTempFolder('copied-tables')
  const file = join(folder.path, 'berth.db')
  await (await openSqliteDatabase(file, { migrations: MIGRATION_SETS })).close()
  using db = new DatabaseSync(file, { readOnly: true })
  const names = db
    .prepare("select name from sqlite_master where type = 'table'")
    .all()
    .map(({ name }) => String(name))
  assert.deepEqual(
    COPIED_TABLES.map(({ name }) => name).toSorted(),
    names.filter((name) => !NOT_COPIED.includes(name)).toSorted(),
  )
  const sequences = db.prepare("select name from sqlite_master where sql like '%autoincrement%'").all()
  assert.deepEqual(
    COPIED_TABLES.filter(({ hasIdentity }) => hasIdentity)
      .map(({ name }) => name)
      .toSorted(),
    sequences
      .map(({ name }) => String(name))
      .filter((name) => !NOT_COPIED.includes(name))
      .toSorted(),
  )
  const copied = new Set<string>()
  for (const { name, key, weight } of COPIED_TABLES) {
    const columns = db.prepare('select name, pk from pragma_table_info(?) order by pk').all(name)
    assert.deepEqual(
      columns.filter(({ pk }) => Number(pk) > 0).map((column) => column.name),
      key,
      name,
    )
    assert.ok(weight === undefined || columns.some((column) => column.name === weight))
    for (const { table } of db.prepare('select "table" from pragma_foreign_key_list(?)').all(name))
      assert.ok(copied.has(String(table)), `${name} before ${String(table)}`)
    copied.add(name)
  }
})
