import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { LISTENER_NAME } from '../../src/database/postgres/remembered/change-listener.ts'
import { pgbouncerSkipReason, startPgbouncer } from '../support/database/pgbouncer.ts'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { type CliResult, runCli } from '../support/program/run-cli.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { placeIn, readFirstPassword, requestStatus } from './postgres-site.ts'

let postgres: PostgresServer
const skip = postgresSkipReason()

function assertDone({ code, stdout, stderr }: CliResult): string {
  assert.equal(code, 0, stderr)
  assert.ok(!`${stdout}${stderr}`.includes(postgres.password))
  return stdout
}

describe('a server on PostgreSQL', { skip, concurrency: false }, () => {
  before(async () => {
    postgres = await startPostgresServer()
    noteSecret(postgres.password)
  })
  after(() => postgres[Symbol.asyncDispose]())

  for (const workers of ['1', '2']) {
    test(`serves, beside commands that find its database by the data folder, with ${workers} worker(s)`, async () => {
      await using folder = await makeTempFolder('postgres-serve')
      await using database = await postgres.createDatabase()
      const { site } = await placeIn(folder, { postgres, database }, ['--workers', workers])
      await using server = await BerthProcess.start(site)
      const password = await readFirstPassword(site)
      const data = ['--data', site.dataDir]
      const selftest = ['selftest', ...data, '--username', 'admin', '--password-stdin']
      await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
      assert.match(assertDone(await runCli(selftest, { stdin: password })), /works/)
      const add = ['user', 'add', 'alice', '--password-stdin', ...data]
      assertDone(await runCli(add, { stdin: 'a password of alice' }))
      assert.match(assertDone(await runCli(['user', 'list', ...data])), /alice/)
      using alice = new RawClient(site.port, {
        authorization: basicLogin('alice', 'a password of alice'),
      })
      await pushBlob(alice, 'alice/app', Buffer.from('layer'))
      assert.match(assertDone(await runCli(['repo', 'list', ...data])), /alice\/app/)
      const { findings } = JSON.parse((await runCli(['doctor', '--json', ...data])).stdout)
      const ofDatabase = findings.filter(({ check }: { check: string }) => check === 'database')
      assert.equal(ofDatabase.length, 8)
      for (const { state, message } of ofDatabase) {
        // The tests' user is a superuser, their server trades safety for speed, and the machine may be busy.
        const isExpected = state === 'ok' || /superuser|question|fsync/.test(message)
        assert.ok(isExpected, `${state}: ${message}`)
      }
      const record = await readFile(join(site.dataDir, 'server.json'), 'utf8')
      assert.match(record, /postgres:\/\/berth@127\.0\.0\.1/)
      assert.ok(!record.includes(postgres.password))
      assert.equal(await server.stop(), 0)
    })
  }

  test('`berth doctor` names an unfinished copy, with which no server starts', async () => {
    await using folder = await makeTempFolder('postgres-unfinished')
    await using database = await postgres.createDatabase()
    const { site } = await placeIn(folder, { postgres, database })
    const place = ['--data', site.dataDir, ...(site.flags ?? [])]
    assertDone(
      await runCli(['user', 'add', 'alice', '--new', '--password-stdin', ...place], {
        stdin: 'a password of alice',
      }),
    )
    await postgres.query(`insert into unfinished_copy values ('/srv/berth.db', '{}')`, database.name)
    const { findings } = JSON.parse((await runCli(['doctor', '--json', ...place])).stdout)
    const failures = findings.filter(({ state }: { state: string }) => state === 'failed')
    assert.deepEqual(
      failures.map(({ check }: { check: string }) => check),
      ['database'],
    )
    assert.match(failures[0].message, /an unfinished copy of \/srv\/berth\.db/)
    assert.match((await runCli(['user', 'list', ...place])).stderr, /error\[COPY_UNFINISHED\]/)
  })

  test('serves behind pgbouncer, and sees changes of commands past it', {
    skip: pgbouncerSkipReason(),
  }, async () => {
    await using folder = await makeTempFolder('postgres-pooler')
    await using database = await postgres.createDatabase()
    await using pooler = await startPgbouncer(postgres)
    const pooled = { ...database, url: database.url.replace(`:${postgres.port}/`, `:${pooler.port}/`) }
    const { site } = await placeIn(folder, { postgres, database: pooled }, [
      '--database-listen',
      `127.0.0.1:${postgres.port}`,
    ])
    await using server = await BerthProcess.start(site)
    await readFirstPassword(site)
    await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
    const data = ['--data', site.dataDir]
    const add = ['user', 'add', 'alice', '--password-stdin', ...data]
    assertDone(await runCli(add, { stdin: 'a password of alice' }))
    const basic = basicLogin('alice', 'a password of alice')
    using alice = new RawClient(site.port, { authorization: basic })
    const layer = Buffer.from('layer behind a pooler')
    await pushBlob(alice, 'alice/app', layer)
    const manifest = formatManifest([layer])
    assert.equal(await putManifest(alice, { repository: 'alice/app', reference: 'v1' }, manifest), 201)
    using visitor = new RawClient(site.port)
    const headers = { authorization: basic }
    const token = await visitor.send('GET', '/token?scope=repository:alice/app:pull', { headers })
    assert.equal(token.status, 200)
    const bearer = { authorization: `Bearer ${JSON.parse(token.body.toString()).token}` }
    const pull = (path: string) => visitor.send('GET', `/v2/alice/app/${path}`, { headers: bearer })
    assert.deepEqual((await pull('manifests/v1')).body, manifest)
    assert.deepEqual((await pull(`blobs/${hashSha256(layer)}`)).body, layer)
    const listening = `select from pg_stat_activity
      where application_name = '${LISTENER_NAME}' and datname = '${database.name}' and query ~ 'select 1|listen'`
    await until(async () => (await postgres.query(listening)).length === 1)
    assertDone(await runCli(['user', 'disable', 'alice', ...data]))
    await until(async () => (await pull('manifests/v1')).status === 401)
    assert.doesNotMatch(await server.readLog(), /does not notify this process/)
    assert.equal(await server.stop(), 0)
  })

  test('answers 503 while PostgreSQL is down, and is back by itself', async () => {
    await using folder = await makeTempFolder('postgres-down')
    await using database = await postgres.createDatabase()
    const { site } = await placeIn(folder, { postgres, database })
    await using server = await BerthProcess.start(site)
    const password = await readFirstPassword(site)
    const authorization = basicLogin('admin', password)
    await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
    const paths = ['/readyz', '/v2/admin/app/tags/list']
    try {
      await postgres.stop()
      // The result of the last health check is reused for a moment.
      await until(async () => (await requestStatus(site.port, '/readyz')).status === 503)
      for (const path of paths) {
        const { status, retryAfter } = await requestStatus(site.port, path, { authorization })
        assert.equal(status, 503, path)
        assert.equal(retryAfter, '5', path)
      }
      assert.equal((await requestStatus(site.port, '/livez')).status, 200)
      const { code, stderr } = await runCli(['user', 'list', '--data', site.dataDir])
      assert.equal(code, 1)
      assert.match(stderr, /error\[DATABASE_UNUSABLE\]: PostgreSQL at 127\.0\.0\.1:\d+ cannot be reached/)
      await until(async () => /the database is out of use/.test(await readFile(site.logFile, 'utf8')))
    } finally {
      await postgres.start()
    }
    await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
    await until(async () => /the database is in use again/.test(await readFile(site.logFile, 'utf8')))
    const log = await readFile(site.logFile, 'utf8')
    const failures = log.split('\n').filter((line) => line.includes('request failed'))
    assert.ok(failures.length >= paths.length)
    for (const line of failures) {
      assert.match(line, /UNAVAILABLE.*ECONN/)
      assert.doesNotMatch(line, /stack/)
    }
    const selftest = ['selftest', '--data', site.dataDir, '--username', 'admin', '--password-stdin']
    assertDone(await runCli(selftest, { stdin: password }))
    assert.equal(await server.stop(), 0)
  })

  test('shows no password of --database in the list of processes', async () => {
    await using folder = await makeTempFolder('postgres-title')
    await using database = await postgres.createDatabase()
    const { site, url } = await placeIn(folder, { postgres, database })
    await using server = await BerthProcess.start({ ...site, flags: ['--database', url] })
    const commandLine = await readFile(`/proc/${server.pid}/cmdline`, 'utf8')
    assert.match(commandLine, /serve.*postgres:\/\/berth:\*{8}@/)
    assert.ok(!commandLine.includes(postgres.password))
    assert.match(await server.readLog(), /the command line holds the password/)
    const source = join(folder.path, 'source')
    const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', '--data', source]
    assertDone(await runCli(add, { stdin: 'a password of admin' }))
    for (const step of [
      ['--from', url, '--to', join(folder.path, 'copy')],
      ['--from', source, '--to', url],
    ]) {
      const migrate = await runCli(['migrate', ...step, '--data', site.dataDir])
      assert.match(migrate.stderr, /error\[DATA_IN_USE\]/)
      assert.ok(!migrate.stderr.includes(postgres.password))
    }
    // It is still found among the servers of the machine.
    const { stderr } = await runCli(['user', 'list', '--data', join(folder.path, 'elsewhere')])
    assert.ok(stderr.includes(`(process ${server.pid}) with the data folder ${site.dataDir}`), stderr)
  })

  test('commands refuse a database without data, and a start one without data beside blobs', async () => {
    await using folder = await makeTempFolder('postgres-empty')
    await using database = await postgres.createDatabase()
    await using other = await postgres.createDatabase()
    const { site, url } = await placeIn(folder, { postgres, database })
    const env = { BERTH_DATABASE: url }
    const list = await runCli(['user', 'list', '--data', site.dataDir], { env })
    assert.match(list.stderr, /^error\[DATA_NOT_FOUND\]: The database postgres:\/\/berth@127/)
    assert.ok(!list.stderr.includes(postgres.password))
    // Nothing is made where there is nothing to copy.
    const migrate = ['migrate', '--from', url, '--to', join(folder.path, 'copy')]
    const copied = await runCli([...migrate, '--data', site.dataDir])
    assert.match(copied.stderr, /^error\[DATA_NOT_FOUND\]: The database .* holds no data of Berth/m)
    assert.deepEqual(
      await postgres.query("select 1 from pg_tables where schemaname = 'public'", database.name),
      [],
    )
    const slip = ['migrate', '--from', 'sqlite', '--to', url.replace('//', '/'), '--data', site.dataDir]
    const slipped = await runCli(slip)
    assert.match(slipped.stderr, /^error\[USAGE\]: --to must be sqlite or a postgres:\/\/ URL/m)
    assert.ok(!`${copied.stderr}${slipped.stderr}`.includes(postgres.password))
    const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', '--data', site.dataDir]
    assertDone(await runCli(add, { env, stdin: 'a password of admin' }))
    {
      await using server = await BerthProcess.start(site)
      using admin = new RawClient(site.port, {
        authorization: basicLogin('admin', 'a password of admin'),
      })
      await pushBlob(admin, 'admin/app', Buffer.from('layer'))
      assert.equal(await server.stop(), 0)
    }
    const serve = ['serve', '--data', site.dataDir, '--listen-http', '127.0.0.1:0']
    const lost = await runCli(serve, { env: { BERTH_DATABASE: other.url } })
    assert.equal(lost.code, 1)
    assert.match(lost.stderr, /^error\[DATABASE_LOST\]: The database postgres:\/\/[^ ]+ is empty, but/m)
  })
})
