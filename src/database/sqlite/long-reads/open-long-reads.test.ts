import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { kysely } from '../../kysely.ts'
import { openSqliteDatabase } from '../open-sqlite.ts'
import { QueryThread } from './query-thread.ts'

interface Schema {
  readonly numbers: { readonly value: number }
}

/** Counts so far that it takes some seconds of one processor. */
const LONG_COUNT = 10_000_000

async function open(isFrozen = false) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('long-reads'))
  const file = join(folder.path, 'a.db')
  {
    using own = new DatabaseSync(file)
    own.exec('create table numbers (value integer); insert into numbers values (7)')
    if (!isFrozen) own.exec('pragma journal_mode = wal')
  }
  const database = resources.adopt(
    await openSqliteDatabase<Schema>(file, { migrations: [], isFrozen }),
    (opened) => opened.close(),
  )
  const kept = resources.move()
  return { file, database, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function countTo(end: number) {
  return kysely.sql<{ count: number }>`(
    with recursive counted(n) as (select 1 union all select n + 1 from counted where n < ${end})
    select count(*) as count from counted
  )`.as('counts')
}

test('a long read delays nothing else, and sees what was committed before it', async () => {
  await using t = await open()
  const { readLong, transaction } = t.database
  await transaction((tx) => tx.insertInto('numbers').values({ value: 8 }).execute())
  assert.deepEqual(await readLong.selectFrom('numbers').select('value').orderBy('value').execute(), [
    { value: 7 },
    { value: 8 },
  ])
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const startMs = performance.now()
  let turns = 0
  let isEnded = false
  const counting = readLong.selectFrom(countTo(LONG_COUNT)).selectAll().executeTakeFirst()
  void counting.finally(() => {
    isEnded = true
  })
  while (!isEnded) {
    await sleep(5)
    await t.database.read.selectFrom('numbers').select('value').execute()
    turns++
  }
  delay.disable()
  const ms = performance.now() - startMs
  assert.deepEqual({ ...(await counting) }, { count: LONG_COUNT })
  // On one thread there would be one or two turns.
  assert.ok(turns > 10, `${turns} turns in ${ms} ms`)
  assert.ok(delay.max / 1e6 < ms / 2, `waited ${delay.max / 1e6} ms of ${ms} ms`)
})

test('a long read of a database that is only read, and one that fails', async () => {
  await using t = await open(true)
  const { readLong } = t.database
  assert.deepEqual(await readLong.selectFrom('numbers').select('value').execute(), [{ value: 7 }])
  await assert.rejects(
    readLong
      .selectFrom('absent' as 'numbers')
      .selectAll()
      .execute(),
    /no such table/,
  )
})

test('a long read does not take another file in the place of the opened one', async () => {
  await using t = await open()
  await t.database.readLong.selectFrom('numbers').selectAll().execute()
  await rename(t.file, `${t.file}.moved`)
  new DatabaseSync(t.file).close()
  await assert.rejects(t.database.readLong.selectFrom('numbers').selectAll().execute(), {
    code: 'UNAVAILABLE',
  })
})

test('the thread ends when it has had no query for a while, and begins again; closing fails what is under way', async () => {
  await using t = await open()
  const thread = new QueryThread({ file: t.file, isFrozen: false, busyTimeoutMs: 1_000 })
  const read = () => thread.run('select value from numbers where value = ?', [7])
  assert.deepEqual(
    (await read()).map((row) => ({ ...(row as object) })),
    [{ value: 7 }],
  )
  assert.equal(thread.isRunning, true)
  while (thread.isRunning) await sleep(20)
  assert.equal((await read()).length, 1)
  const refused = assert.rejects(read(), /was closed/)
  await thread.close()
  await refused
})
