import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { kysely } from '../kysely.ts'
import { openSqliteDatabase } from './open-sqlite.ts'

test('a transaction waits for that of another process, and nothing else waits with it', async () => {
  await using folder = await makeTempFolder('dialect')
  const file = join(folder.path, 'berth.db')
  const { transaction, close } = await openSqliteDatabase(file, { migrations: [] })
  using other = new DatabaseSync(file)
  other.exec('begin immediate')
  const write = (): Promise<unknown> => transaction((tx) => kysely.sql`create table waited (a)`.execute(tx))
  const written = write().then(() => 'written')
  // The other one ends only if this goes on meanwhile.
  assert.equal(await Promise.race([written, sleep(50, 'waiting')]), 'waiting')
  other.exec('commit')
  assert.equal(await written, 'written')
  await close()
})
