import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { TOKENS_MIGRATIONS } from '../../tokens/migrations.ts'
import type { TokensSchema } from '../../tokens/schema.ts'
import { openSqliteDatabase } from './open-sqlite.ts'

/** Settings in the database, so many that a connection reads its pages at different times. */
const COUNT = 2_000

const nameOf = (index: number): string => `setting ${index}`

async function openFrozen() {
  const folder = await makeTempFolder('frozen')
  const file = join(folder.path, 'db')
  const usual = await openSqliteDatabase<TokensSchema>(file, { migrations: [TOKENS_MIGRATIONS] })
  const rows = Array.from({ length: COUNT }, (_, index) => ({ name: nameOf(index), value: 'x'.repeat(200) }))
  for (let at = 0; at < COUNT; at += 500) {
    await usual.transaction((tx) =>
      tx
        .insertInto('settings')
        .values(rows.slice(at, at + 500))
        .execute(),
    )
  }
  await usual.close()
  const database = await openSqliteDatabase<TokensSchema>(file, {
    migrations: [TOKENS_MIGRATIONS],
    isFrozen: true,
  })
  const find = database.prepareFirst<{ value: string }>(
    database.read.selectFrom('settings').select('value').where('name', '=', '').compile(),
  )
  return {
    file,
    database,
    find,
    async [Symbol.asyncDispose]() {
      await database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('a frozen database is read, and not written', async () => {
  await using frozen = await openFrozen()
  const { database, find } = frozen
  assert.equal((await find(nameOf(1)))?.value.length, 200)
  await assert.rejects(
    database.transaction((tx) => tx.deleteFrom('settings').execute()),
    { code: 'UNAVAILABLE' },
  )
})

test('a frozen database answers nothing once another process has changed it, whether that is in its file yet or not', async () => {
  for (const isInFile of [false, true]) {
    await using frozen = await openFrozen()
    const { file, database, find } = frozen
    for (let index = 0; index < COUNT; index += 50) assert.ok(await find(nameOf(index)))
    await setImmediate()
    const other = new DatabaseSync(file)
    other.exec(`delete from settings where name <> '${nameOf(7)}'; update settings set value = 'new'`)
    if (isInFile) other.close()
    const changed = { code: 'UNAVAILABLE', message: /once it is restarted/ }
    await assert.rejects(async () => find(nameOf(7)), changed)
    await assert.rejects(async () => find(nameOf(COUNT - 1)), changed)
    await assert.rejects(database.read.selectFrom('settings').selectAll().execute(), changed)
    await assert.rejects(database.check(), changed)
    if (!isInFile) other.close()
  }
})
