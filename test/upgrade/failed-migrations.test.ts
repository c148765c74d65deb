import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import type { Database } from '../../src/database/database.ts'
import { missingMigrations } from '../../src/database/migrate.ts'
import type { MigrationSet } from '../../src/database/migrations.ts'
import { openPostgresDatabase } from '../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'
import { SmallDisk, whyNoMounts } from '../faults/small-disk.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { afterMigration } from './after-migration.ts'
import { FIXTURE_NAMES, readRecord, unpackFixture } from './data-folder.ts'
import { copyIntoPostgres, dumpPostgres, dumpSqlite } from './dump-database.ts'

/** The first schema of a version that had PostgreSQL. */
const FIRST_OF_POSTGRES = '08-copy'
const CHILD = fileURLToPath(new URL('open-and-hang.ts', import.meta.url))

/** The migrations, of which one fails after its last statement. */
function failingAt(name: string): MigrationSet[] {
  return afterMigration(name, async () => {
    throw new Error('fails on purpose')
  })
}

/** One engine with a database of an earlier schema. */
interface Former extends AsyncDisposable {
  readonly record: readonly string[]
  dump(): Promise<unknown>
  open(sets: readonly MigrationSet[]): Promise<Database<unknown>>
  /** Place for the child process. */
  readonly place: string
}

async function formerSqlite(name: string): Promise<Former> {
  const fixture = await unpackFixture(name)
  const file = join(fixture.data, 'berth.db')
  return {
    record: readRecord(fixture.data),
    place: file,
    dump: async () => dumpSqlite(file),
    open: (migrations) => openSqliteDatabase(file, { migrations }),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  }
}

async function formerPostgres(server: PostgresServer, name: string): Promise<Former> {
  await using fixture = await unpackFixture(name)
  const record = readRecord(fixture.data)
  const database = await server.createDatabase()
  await copyIntoPostgres(join(fixture.data, 'berth.db'), { record, server, database })
  return {
    record,
    place: JSON.stringify(database.target),
    dump: () => dumpPostgres(server, database.name),
    open: (migrations) => openPostgresDatabase(database.target, { migrations }),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

/** Each of these migrations fails once; then all of them run. */
async function failEach(
  former: Former,
  names: readonly string[] = missingMigrations(MIGRATION_SETS, former.record),
): Promise<void> {
  const dumped = await former.dump()
  assert.ok(names.length > 0)
  for (const name of names) {
    await assert.rejects(former.open(failingAt(name)), { code: 'DATABASE_UNUSABLE', message: /on purpose/ })
    assert.deepEqual(await former.dump(), dumped, name)
  }
  await (await former.open(MIGRATION_SETS)).close()
  assert.notDeepEqual(await former.dump(), dumped)
}

/** A process is killed while the transaction of a migration is open. */
async function killAt(former: Former, name: string): Promise<void> {
  const dumped = await former.dump()
  const child = spawn(process.execPath, [CHILD, former.place, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  try {
    const [said] = await once(child.stdout, 'data', { signal: AbortSignal.timeout(60_000) })
    assert.match(String(said), /hangs/)
  } finally {
    child.kill('SIGKILL')
    await exit
  }
  assert.deepEqual(await former.dump(), dumped, name)
}

function firstMiddleLast(former: Former): string[] {
  const missing = missingMigrations(MIGRATION_SETS, former.record)
  return [missing[0], missing[Math.trunc(missing.length / 2)], missing.at(-1)].map(String)
}

/** All times in the fixtures are before. */
const BEGUN_AT = Date.now()
const noMounts = await whyNoMounts()
const UPDATED = FIXTURE_NAMES.slice(0, -1)

describe('an update of the schema that fails leaves the database as it was (sqlite)', () => {
  for (const name of UPDATED) {
    test(`each migration fails after its last statement: ${name}`, async () => {
      await using former = await formerSqlite(name)
      await failEach(former)
    })
  }

  test('the process is killed during a migration', async () => {
    await using former = await formerSqlite(UPDATED[0] ?? '')
    for (const name of firstMiddleLast(former)) await killAt(former, name)
    await (await former.open(MIGRATION_SETS)).close()
  })

  test('the disk is full: one clear line, and the same data folder opens once there is room', {
    skip: noMounts,
  }, async () => {
    await using disk = await SmallDisk.mount(2)
    await using fixture = await unpackFixture(UPDATED[0] ?? '')
    const data = join(disk.path, 'data')
    await cp(fixture.data, data, { recursive: true })
    const file = join(data, 'berth.db')
    const dumped = dumpSqlite(file)
    for (const leftBytes of [0, 64, 128, 256].map((kib) => kib * 1024)) {
      await disk.fill(leftBytes)
      // Only the start of a server updates the schema.
      const serve = ['serve', '--data', data, '--listen-http', '127.0.0.1:0']
      const { code, stderr } = await runCommand(BERTH_BIN, serve, {
        env: cleanEnvironment(),
        timeoutMs: 30_000,
      })
      assert.equal(code, 1, `${leftBytes}: ${stderr}`)
      assert.match(stderr, /^(?:warning: [^\n]*\n)?error\[STORAGE_FULL\]: [^\n]*\n$/, `${leftBytes}`)
      await disk.free()
      assert.deepEqual(dumpSqlite(file), dumped)
    }
    await (await openSqliteDatabase(file, { migrations: MIGRATION_SETS })).close()
  })
})

describe('the same (postgres)', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server[Symbol.asyncDispose]())

  for (const name of UPDATED.filter((one) => one >= FIRST_OF_POSTGRES)) {
    test(`${name === FIRST_OF_POSTGRES ? 'each' : 'the last'} migration fails after its last statement: ${name}`, async () => {
      await using former = await formerPostgres(server, name)
      await failEach(former, name === FIRST_OF_POSTGRES ? undefined : firstMiddleLast(former).slice(-1))
    })

    test(`both engines hold the same rows after the update: ${name}`, async () => {
      await using former = await formerPostgres(server, name)
      await using sqlite = await formerSqlite(name)
      for (const one of [former, sqlite]) await (await one.open(MIGRATION_SETS)).close()
      assert.deepEqual(rowsOf(await former.dump()), rowsOf(await sqlite.dump()))
    })
  }

  test('the process is killed during a migration', async () => {
    await using former = await formerPostgres(server, FIRST_OF_POSTGRES)
    for (const name of firstMiddleLast(former)) await killAt(former, name)
    await (await former.open(MIGRATION_SETS)).close()
  })
})

/** All rows, but those times of the update itself, which are those of its moment. */
function rowsOf(dump: unknown): unknown {
  const text = JSON.stringify((dump as { rows: unknown }).rows)
  return JSON.parse(text.replace(/\b\d{13}\b/g, (time) => (Number(time) >= BEGUN_AT ? 'now' : time)))
}
