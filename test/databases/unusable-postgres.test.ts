import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { pushBlob } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { placeIn, readFirstPassword, requestStatus } from './postgres-site.ts'

describe('servers on a PostgreSQL database that is new, or can no longer be used', {
  skip: postgresSkipReason(),
}, () => {
  let postgres: PostgresServer
  before(async () => {
    postgres = await startPostgresServer()
    noteSecret(postgres.password)
  })
  after(() => postgres[Symbol.asyncDispose]())

  const losses: readonly [name: string, lose: string, giveBack: string, refused: string][] = [
    [
      'can only be read',
      'alter database NAME set default_transaction_read_only = on',
      'begin read write; alter database NAME reset default_transaction_read_only; commit',
      'POST /v2/admin/app/blobs/uploads/',
    ],
    [
      'lacks a table',
      'alter table repositories rename to others',
      'alter table others rename to repositories',
      'GET /v2/admin/app/tags/list',
    ],
  ]
  for (const [name, lose, giveBack, refused] of losses) {
    test(`is not ready while its database ${name}, says so, and is back by itself`, async () => {
      await using folder = await makeTempFolder('postgres-lost')
      await using database = await postgres.createDatabase()
      const { site } = await placeIn(folder, { postgres, database })
      const run = async (statement: string): Promise<void> => {
        await postgres.query(statement.replace('NAME', database.name), database.name)
        const others = `pid <> pg_backend_pid() and datname = '${database.name}'`
        await postgres.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
      }
      await using server = await BerthProcess.start(site)
      const authorization = basicLogin('admin', await readFirstPassword(site))
      await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
      await run(lose)
      await until(async () => (await requestStatus(site.port, '/readyz')).status !== 200)
      // Connections that were just ended may still fail one query each.
      await until(async () =>
        /can only be read.*out of use|tables of Berth are missing/.test(await server.readLog()),
      )
      assert.deepEqual(await requestStatus(site.port, '/readyz'), { status: 503, retryAfter: '5' })
      using admin = new RawClient(site.port, { authorization })
      const [method = '', path = ''] = refused.split(' ')
      assert.equal((await admin.send(method, path)).status, 503)
      await run(giveBack)
      await until(async () => (await requestStatus(site.port, '/readyz')).status === 200)
      await pushBlob(admin, 'admin/app', Buffer.from('layer'))
      assert.equal(await server.stop(), 0)
    })
  }

  test('of several that start at once on an empty database all serve', async () => {
    await using database = await postgres.createDatabase()
    await using resources = new AsyncDisposableStack()
    const sites = await Promise.all(
      ['one', 'two', 'three'].map(async (name) => {
        const folder = resources.use(await makeTempFolder(`postgres-${name}`))
        return (await placeIn(folder, { postgres, database })).site
      }),
    )
    const servers = await Promise.all(
      sites.map(async (site) => resources.use(await BerthProcess.start(site))),
    )
    for (const { port } of sites)
      await until(async () => (await requestStatus(port, '/readyz')).status === 200)
    const kept = await Promise.all(
      sites.map(({ dataDir }) => readFile(join(dataDir, 'first-password'), 'utf8').catch(() => undefined)),
    )
    const [password = '', ...others] = kept.filter((text) => text !== undefined).map((text) => text.trim())
    assert.deepEqual(others, [])
    noteSecret(password)
    const authorization = basicLogin('admin', password)
    for (const { port } of sites)
      assert.equal((await requestStatus(port, '/v2/', { authorization })).status, 200)
    for (const server of servers) assert.equal(await server.stop(), 0)
  })
})
