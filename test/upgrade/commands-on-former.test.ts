import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { lockDataFolder } from '../../src/app/folders/data-folder.ts'
import { missingMigrations } from '../../src/database/migrate.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { type CommandResult, runCommand } from '../support/machine/run-command.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { FIXTURE_NAMES, readRecord, unpackFixture } from './data-folder.ts'
import { copyIntoPostgres, dumpPostgres, dumpSqlite } from './dump-database.ts'

/** The first schema of a version that had PostgreSQL. */
const FIRST_OF_POSTGRES = '08-copy'
/** Fixtures whose schema is not that of this version. */
const FORMER = await findFormer()
/** The first and the last of them, of those without the table of backups, and of those without PostgreSQL. */
const CHOSEN = FORMER.filter((name) =>
  [
    FORMER[0],
    FIRST_OF_POSTGRES,
    '15-switches',
    '16-backup-runs',
    FORMER.at(-1),
    FORMER[FORMER.indexOf(FIRST_OF_POSTGRES) - 1],
  ].includes(name),
)
/** Table in which a backup is noted. */
const RUNS = 'backup_runs'

/** Commands, those that only read and those that change something. */
const COMMANDS: readonly string[] = [
  ...['user list', 'user logins alice', 'repo list', 'repo show alice/app', 'tag list alice/app', 'tag pins'],
  ...['tag history alice/app', 'trash list', 'du', 'quota list', 'policy show', 'read-only status'],
  ...['retention dry-run', 'retention log', 'scrub list', 'gc status', 'user disable bob', 'gc --now'],
]

/** A database of an earlier schema, and the flags that lead commands to it. */
interface Former extends AsyncDisposable {
  readonly path: string
  readonly flags: readonly string[]
  /** Migrations of this version that it has. */
  readonly step: number
  dump(): Promise<ReturnType<typeof dumpSqlite>>
}

async function formerSqlite(name: string): Promise<Former> {
  const fixture = await unpackFixture(name)
  return {
    path: fixture.path,
    flags: ['--data', fixture.data],
    step: stepOf(readRecord(fixture.data)),
    dump: async () => dumpSqlite(join(fixture.data, 'berth.db')),
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  }
}

async function formerPostgres(server: PostgresServer, name: string): Promise<Former> {
  await using resources = new AsyncDisposableStack()
  const fixture = resources.use(await unpackFixture(name))
  const database = resources.use(await server.createDatabase())
  const record = readRecord(fixture.data)
  await copyIntoPostgres(join(fixture.data, 'berth.db'), { record, server, database })
  const kept = resources.move()
  return {
    path: fixture.path,
    flags: ['--data', fixture.data, '--database', server.url(database.name)],
    step: stepOf(record),
    dump: () => dumpPostgres(server, database.name),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function stepOf(record: readonly string[]): number {
  const all = MIGRATION_SETS.flatMap(({ migrations }) => Object.keys(migrations))
  return all.length - missingMigrations(MIGRATION_SETS, record).length
}

function berth(args: readonly string[]): Promise<CommandResult> {
  return runCommand(BERTH_BIN, args, { env: cleanEnvironment() })
}

/** No command changes anything: each names the one that does. */
async function refuseAll(former: Former): Promise<void> {
  const before = await former.dump()
  for (const command of COMMANDS) {
    const { code, stdout, stderr } = await berth([...command.split(' '), ...former.flags])
    assert.equal(code, 1, `${command}\n${stdout}${stderr}`)
    assert.match(
      stderr,
      /^error\[SCHEMA_OLD\]: The schema .* \(step \d+ of \d+\), .* \("berth serve [^\n]*\n$/m,
      command,
    )
  }
  assert.deepEqual(await former.dump(), before)
}

/** A backup leaves the schema and the rows as they are, and what it restores is of this version. */
async function backUpAndRestore(former: Former): Promise<void> {
  const before = await former.dump()
  const folder = join(former.path, 'backups')
  const made = await berth(['backup', folder, '--json', ...former.flags])
  assert.equal(made.code, 0, made.stderr)
  assert.match(made.stderr, /the database has the schema of an earlier version \(step \d+ of \d+\)/)
  const { schema, bad } = JSON.parse(made.stdout) as { schema: number; bad: number }
  assert.equal(schema, former.step)
  assert.equal(bad, 0)
  assert.deepEqual(withoutRuns(await former.dump()), withoutRuns(before))

  const [listed] = (JSON.parse((await berth(['backup', 'list', folder, '--json'])).stdout) as Listed)
    .generations
  assert.equal(listed?.schema, schema)
  const facts = dumpSqlite(join(folder, 'generations', String(listed?.name), 'facts.db'))
  assert.deepEqual(facts.record.length, before.record.length)
  assert.deepEqual(facts.rows.manifests, before.rows.manifests)
  assert.deepEqual(facts.rows.users, before.rows.users)
  const verified = await berth(['backup', 'verify', folder, '--sample', 'all', '--temp', former.path])
  assert.equal(verified.code, 0, verified.stdout + verified.stderr)

  const data = join(former.path, 'restored')
  const restored = await berth(['restore', folder, '--data', data])
  assert.equal(restored.code, 0, restored.stderr)
  assert.deepEqual(missingMigrations(MIGRATION_SETS, readRecord(data)), [])
  assert.match((await berth(['user', 'list', '--data', data])).stdout, /^alice /m)
  assert.match((await berth(['repo', 'list', '--data', data])).stdout, /^alice\/app /m)
}

interface Listed {
  readonly generations: readonly { readonly name: string; readonly schema: number }[]
}

function withoutRuns({ rows, ...others }: ReturnType<typeof dumpSqlite>): unknown {
  return { ...others, rows: { ...rows, [RUNS]: [] } }
}

async function findFormer(): Promise<string[]> {
  const former: string[] = []
  for (const name of FIXTURE_NAMES) {
    await using fixture = await unpackFixture(name)
    if (missingMigrations(MIGRATION_SETS, readRecord(fixture.data)).length > 0) former.push(name)
  }
  return former
}

describe('a database of an earlier schema, in SQLite', () => {
  for (const name of CHOSEN) {
    test(`${name}: berth backup copies it as it is`, async () => {
      await using former = await formerSqlite(name)
      await backUpAndRestore(former)
    })
  }
  test('berth backup copies it beside a server of the earlier version, which goes on', async () => {
    await using former = await formerSqlite('16-backup-runs')
    const [, data = ''] = former.flags
    // As a server of that version does: it locks the folder, and has the database open for reads and writes.
    using _lock = lockDataFolder(data)
    using server = new DatabaseSync(join(data, 'berth.db'))
    server.exec('begin; select count(*) from manifests')
    await refuseAll(former)
    await backUpAndRestore(former)
    server.exec("commit; insert into settings (name, value) values ('of-the-server', 'x')")
  })
  for (const name of [FORMER[0], FORMER.at(-1)].map(String)) {
    test(`${name}: commands leave it as it is`, async () => {
      await using former = await formerSqlite(name)
      await refuseAll(former)
    })
  }
})

describe('a database of an earlier schema, in PostgreSQL', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server?.[Symbol.asyncDispose]())
  for (const name of CHOSEN.filter((former) => former >= FIRST_OF_POSTGRES)) {
    test(`${name}: berth backup copies it as it is`, async () => {
      await using former = await formerPostgres(server, name)
      await backUpAndRestore(former)
    })
  }
  test('commands leave it as it is', async () => {
    await using former = await formerPostgres(server, FORMER.at(-1) ?? '')
    await refuseAll(former)
  })
})
