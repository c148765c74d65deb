import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync } from 'node:fs'
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { copySqliteOnline } from './copy-online.ts'

/** Rows of 1,000 bytes: several steps of a copy. */
const ROWS = 20_000

/** Writes without a pause, each transaction into two tables. */
const WRITER = `
  const { DatabaseSync } = require('node:sqlite')
  const db = new DatabaseSync(process.argv[1], { timeout: 5000 })
  for (;;) {
    db.exec('begin immediate; update a set n = n + 1; update b set n = n + 1; insert into filling values (randomblob(1000)); commit')
    process.stdout.write('.')
  }`

async function makeDatabase() {
  const folder = await makeTempFolder('copy-online')
  const file = join(folder.path, 'a.db')
  const db = new DatabaseSync(file)
  db.exec('pragma journal_mode = wal; create table a (n); create table b (n); create table filling (bytes)')
  db.exec('insert into a values (0); insert into b values (0); begin')
  const fill = db.prepare('insert into filling values (randomblob(1000))')
  for (let row = 0; row < ROWS; row++) fill.run()
  db.exec('commit')
  db.close()
  return { file, target: join(folder.path, 'copy.db'), [Symbol.asyncDispose]: folder[Symbol.asyncDispose] }
}

test('`copySqliteOnline()` ends beside a process that writes without a pause, with one moment of both tables', async () => {
  await using made = await makeDatabase()
  const writer = spawn(process.execPath, ['-e', WRITER, made.file], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(writer.stdout, 'data')
    for (let round = 0; round < 3; round++) {
      await copySqliteOnline(made.file, made.target)
      assert.equal(writer.exitCode, null, 'the writer has ended')
      assert.equal(existsSync(`${made.target}-wal`), false)
      assert.equal(statSync(made.target).mode & 0o777, 0o600)
      const copy = new DatabaseSync(made.target, { readOnly: true })
      const row = copy
        .prepare('select a.n as a, b.n as b, (select count(*) from filling) as rows from a, b')
        .get()
      copy.close()
      assert.equal(row?.a, row?.b)
      assert.equal(row?.rows, ROWS + Number(row?.a))
    }
  } finally {
    writer.kill('SIGKILL')
    await once(writer, 'close')
  }
})

test('`copySqliteOnline()` can be ended, and refuses a damaged database', async () => {
  await using made = await makeDatabase()
  const reason = new Error('stopping')
  await assert.rejects(
    copySqliteOnline(made.file, made.target, { signal: AbortSignal.abort(reason) }),
    reason,
  )
  await truncate(made.file, statSync(made.file).size - 40_960)
  await assert.rejects(copySqliteOnline(made.file, made.target), /damaged|malformed|disk image/)
})
