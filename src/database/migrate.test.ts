import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import type { MigrationSet } from './migrations.ts'
import { openSqliteDatabase } from './sqlite/open-sqlite.ts'

function makeSet(capability: string, tables: readonly string[], formerNames?: Record<string, string>) {
  const migrations: Record<string, MigrationSet['migrations'][string]> = {}
  for (const table of tables) {
    migrations[`001-${table}`] = async (db, { text }) => {
      await db.schema.createTable(table).addColumn('name', text).execute()
    }
  }
  return { capability, migrations, ...(formerNames && { formerNames }) }
}

async function setUp() {
  const folder = await makeTempFolder('migrate')
  const file = join(folder.path, 'db')
  const migrate = async (...sets: readonly MigrationSet[]): Promise<void> => {
    const database = await openSqliteDatabase(file, { migrations: sets })
    await database.close()
  }
  const select = (sql: string): unknown[] => {
    using database = new DatabaseSync(file)
    return database
      .prepare(sql)
      .all()
      .map(({ name }) => name)
  }
  return {
    file,
    migrate,
    tables: () =>
      select("select name from sqlite_schema where type = 'table' and name not like 'kysely%' order by name"),
    recorded: () => select('select name from kysely_migration order by name'),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

test('migrations run once in each database, set by set, and those that are added later then', async () => {
  await using t = await setUp()
  await t.migrate(makeSet('one', ['a']))
  await t.migrate(makeSet('one', ['a', 'b']), makeSet('two', ['c']))
  await t.migrate(makeSet('one', ['a', 'b']), makeSet('two', ['c']))
  assert.deepEqual(t.tables(), ['a', 'b', 'c'])
  assert.deepEqual(t.recorded(), ['one/001-a', 'one/001-b', 'two/001-c'])
})

test('a migration that fails leaves nothing behind, of others neither', async () => {
  await using t = await setUp()
  await assert.rejects(t.migrate(makeSet('one', ['a']), makeSet('two', ['a'])), { code: 'DATABASE_UNUSABLE' })
  assert.deepEqual(t.tables(), [])
})

test('a database that holds a migration nobody here knows is refused as it is', async () => {
  await using t = await setUp()
  await t.migrate(makeSet('one', ['a', 'b']))
  await assert.rejects(t.migrate(makeSet('one', ['a']), makeSet('two', ['c'])), {
    code: 'SCHEMA_TOO_NEW',
    message: /"one\/001-b"/,
  })
  assert.deepEqual(t.tables(), ['a', 'b'])
})

test('a former name stands for a migration, and nothing is written where none is missing', async () => {
  await using t = await setUp()
  await t.migrate(makeSet('', ['a']))
  await t.migrate(makeSet('one', ['a'], { '001-a': '/001-a' }))
  assert.deepEqual(t.recorded(), ['/001-a'])
  await t.migrate(makeSet('one', ['a', 'b'], { '001-a': '/001-a' }))
  assert.deepEqual(t.recorded(), ['/001-a', 'one/001-b'])
})

test('processes that open a new database at once run its migrations once', async () => {
  await using t = await setUp()
  await Promise.all(Array.from({ length: 5 }, () => t.migrate(makeSet('one', ['a', 'b']))))
  assert.deepEqual(t.recorded(), ['one/001-a', 'one/001-b'])
})

test('opening a database compares no names with a collator, for which V8 loads 2 MB that stay', async (t) => {
  await using opened = await setUp()
  const compare = t.mock.method(String.prototype, 'localeCompare')
  await opened.migrate(makeSet('one', ['a', 'b']))
  await opened.migrate(makeSet('one', ['a', 'b']))
  assert.equal(compare.mock.callCount(), 0)
})
