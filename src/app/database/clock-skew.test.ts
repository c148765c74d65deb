import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../../../test/support/database/postgres-server.ts'
import { createLoginPlaces } from '../../accounts/guesses/login-places.ts'
import { openPostgresDatabase } from '../../database/postgres/open-postgres.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { createTokenService } from '../../tokens/access/token-service.ts'
import { createLogInManager } from '../../tokens/refresh/log-ins.ts'
import { createRefreshTokenService } from '../../tokens/refresh/refresh-tokens.ts'
import { type BerthSchema, MIGRATION_SETS } from './database-schema.ts'

const SKEW_MS = 10 * 60_000
const ALICE = { name: 'alice', version: '1.1' }

describe('nodes whose clocks are 10 minutes apart', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server[Symbol.asyncDispose]())

  it('agree on the time', async () => {
    await using nodes = await openNodes()
    const [early, late] = nodes.databases
    assert.ok(Math.abs(early.now() - late.now()) < SKEW_MS / 10)
  })

  it('take no upload of each other for abandoned', async () => {
    await using nodes = await openNodes()
    const [early, late] = nodes.databases.map((database) => createSqlMetadata(database))
    assert.ok(early && late)
    for (const [maker, other] of [
      [early, late],
      [late, early],
    ] as const) {
      const id = (maker === early ? 'early' : 'late').padEnd(22, 'A') as UploadId
      const row = {
        id,
        repository: parseRepositoryName('alice/app'),
        principal: 'alice',
        offset: 0,
        state: '',
      }
      await maker.createUpload(row)
      assert.deepEqual(await other.listStaleUploads(SKEW_MS / 2, 9), [])
      assert.ok((await other.listStaleUploads(0, 9)).includes(id), 'it is never stale')
    }
  })

  it('accept tokens of each other, and refuse them when they have ended', async () => {
    await using nodes = await openNodes()
    const [early, late] = await Promise.all(
      nodes.databases.map((database) => createTokenService({ database, lifetimeS: 120 })),
    )
    assert.ok(early && late)
    for (const [issuer, other] of [
      [early, late],
      [late, early],
    ] as const) {
      const { token } = await issuer.issue({ subject: 'alice', accountVersion: '1.1', scopes: [] })
      assert.equal((await other.verify(token))?.subject, 'alice')
    }
    const { token } = await early.issue({ subject: 'alice', accountVersion: '1.1', scopes: [] })
    nodes.moveOn(4 * 60_000)
    assert.equal(await late.verify(token), undefined)
  })

  it('go on with log-ins of each other', async () => {
    await using nodes = await openNodes()
    const [early, late] = await Promise.all(
      nodes.databases.map((database) =>
        createRefreshTokenService({ database, findEnabled: () => ALICE, onReuse: () => assert.fail() }),
      ),
    )
    assert.ok(early && late)
    const token = await early.issue(ALICE, 'crane')
    const redeemed = await late.redeem(token)
    assert.ok(redeemed)
    assert.ok(await early.redeem(redeemed.successor))
    assert.ok(await late.redeem(token), 'a token counts for an hour beside its successor')
    const [logIn] = await createLogInManager(nodes.databases[1]).list('alice')
    assert.ok(logIn && Math.abs(logIn.createdAt.getTime() - Date.now()) < SKEW_MS / 10)
  })

  it('know the places of log-ins of each other', async () => {
    await using nodes = await openNodes()
    const [early, late] = nodes.databases.map((database) => createLoginPlaces(database))
    await late?.add('alice', '192.0.2.0/24')
    assert.equal(await early?.has('alice', '192.0.2.0/24'), true)
  })

  /** Two nodes of one database, one ten minutes before the server's clock, the other as much after it. */
  async function openNodes() {
    await using resources = new AsyncDisposableStack()
    const { target } = resources.use(await server.createDatabase())
    let movedMs = 0
    const open = async (skewMs: number) => {
      const database = await openPostgresDatabase<BerthSchema>(target, {
        migrations: MIGRATION_SETS,
        ownClock: () => Date.now() + skewMs + movedMs,
      })
      resources.defer(() => database.close())
      return database
    }
    const databases = [await open(-SKEW_MS), await open(SKEW_MS)] as const
    const kept = resources.move()
    return {
      databases,
      /** Time passes on the machines of both nodes; the server's clock follows with the next comparison only. */
      moveOn(ms: number) {
        movedMs += ms
      },
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    }
  }
})
