import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import type { AnyTables } from '../../src/database/copy/copied-table.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { runCli } from '../support/program/run-cli.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const SEED = process.env.CRASH_SEED ?? 'migrate'
/** Kills of one copy, at most: it needs so many pages that most of them fall into it. */
const KILLS = 8
/** Latest moment of a kill, in ms after the first page of a run. */
const LAST_KILL_MS = 300
const REPOSITORIES = 20
const MANIFESTS_OF_EACH = 400

/** A database with some eight thousand manifests, each with a tag and a blob. */
async function fill(dataDir: string): Promise<void> {
  const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', '--data', dataDir]
  assert.equal((await runCli(add, { stdin: 'a password of admin' })).code, 0)
  const database = await openSqliteDatabase<AnyTables>(join(dataDir, 'berth.db'), {
    migrations: MIGRATION_SETS,
  })
  for (let id = 1; id <= REPOSITORIES; id++) {
    const numbers = Array.from({ length: MANIFESTS_OF_EACH }, (_, index) => index)
    const digest = (kind: string, index: number) => `sha256:${kind}-${id}-${index}`
    const rows = {
      blobs: numbers.map((n) => ({ digest: digest('b', n), size: n, created_at: 1 })),
      repository_blobs: numbers.map((n) => ({ repository_id: id, digest: digest('b', n), created_at: 1 })),
      manifests: numbers.map((n) => ({
        ...{ repository_id: id, digest: digest('m', n), media_type: 'x', artifact_type: null, subject: null },
        ...{ annotations: null, size: 2_000, bytes: Buffer.alloc(2_000, n), created_at: 1 },
      })),
      tags: numbers.map((n) => ({ repository_id: id, name: `t${n}`, digest: digest('m', n), updated_at: 1 })),
    }
    await database.transaction(async (tx) => {
      await tx
        .insertInto('repositories')
        .values({ id, name: `admin/app-${id}`, created_at: 1 })
        .execute()
      for (const [table, values] of Object.entries(rows)) await tx.insertInto(table).values(values).execute()
    })
  }
  await database.close()
}

/** Runs a copy and kills it so long after its first page, unless it ends before. @returns whether it has ended well. */
async function runAndKill(args: readonly string[], afterMs: number): Promise<boolean> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: cleanEnvironment(),
  })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    if (text === '') setTimeout(() => child.kill('SIGKILL'), afterMs)
    text += piece
  })
  const [code, signal] = await once(child, 'exit')
  assert.ok(signal === 'SIGKILL' || code === 0, text)
  return code === 0
}

describe('berth migrate, killed again and again', { skip: postgresSkipReason() }, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startPostgresServer()
  })
  after(() => postgres[Symbol.asyncDispose]())

  test('goes on until both sides are the same, from SQLite to PostgreSQL and back', async (context) => {
    await using folder = await makeTempFolder('migrate')
    await using database = await postgres.createDatabase()
    const passwordFile = join(folder.path, 'password')
    await writeFile(passwordFile, postgres.password)
    const url = database.url.replace(`:${postgres.password}@`, '@')
    const [from, back] = [join(folder.path, 'from'), join(folder.path, 'back')]
    await fill(from)
    const random = new SeededRandom(SEED)
    const steps = [
      { from, to: url },
      { from: url, to: back },
    ]
    const digests: unknown[] = []
    for (const step of steps) {
      const ends = ['--from', step.from, '--to', step.to, '--database-password-file', passwordFile]
      const args = ['migrate', ...ends]
      let kills = 0
      let isDone = false
      while (!isDone && kills < KILLS) {
        isDone = await runAndKill(args, random.next() * LAST_KILL_MS)
        // PostgreSQL finds a moment later that a killed client is gone; until then it is in use.
        await postgres.untilUnused()
        if (!isDone) kills++
        if (!isDone && kills % 4 === 0) await assertRefused(step.to, passwordFile)
      }
      context.diagnostic(`killed ${kills} times`)
      const last = await runCli([...args, '--json'])
      // One that has ended is no unfinished copy any more, and its target not empty.
      if (isDone) assert.match(last.stderr, /COPY_TARGET_NOT_EMPTY/)
      else {
        assert.equal(last.code, 0, last.stderr)
        digests.push(JSON.parse(last.stdout).tables)
      }
    }
    const whole = await runCli(['migrate', '--from', from, '--to', join(folder.path, 'a'), '--json'])
    const round = await runCli(['migrate', '--from', back, '--to', join(folder.path, 'b'), '--json'])
    assert.equal(whole.code + round.code, 0, `${whole.stderr}${round.stderr}`)
    assert.deepEqual(JSON.parse(round.stdout).tables, JSON.parse(whole.stdout).tables)
    for (const tables of digests) assert.deepEqual(tables, JSON.parse(whole.stdout).tables)
    assert.equal(
      JSON.parse(whole.stdout).tables.find(({ name }: { name: string }) => name === 'tags').rows,
      REPOSITORIES * MANIFESTS_OF_EACH,
    )
  })
})

/** Nothing is served from an unfinished copy. It may not have been begun, if the run was killed before. */
async function assertRefused(target: string, passwordFile: string): Promise<void> {
  const isUrl = target.startsWith('postgres:')
  const place = isUrl ? ['--database', target, '--database-password-file', passwordFile] : ['--data', target]
  const { code, stderr } = await runCli([
    'user',
    'list',
    ...place,
    ...(isUrl ? ['--data', join(passwordFile, '../none')] : []),
  ])
  assert.equal(code, 1)
  assert.match(stderr, /COPY_UNFINISHED|DATA_NOT_FOUND/)
}
