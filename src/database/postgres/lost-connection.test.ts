import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type PostgresServer,
  type PostgresTestDatabase,
  postgresSkipReason,
  startPostgresServer,
} from '../../../test/support/database/postgres-server.ts'
import { openThings, type ThingsDatabase } from '../../../test/support/database/things-database.ts'
import { OciError } from '../../oci/errors.ts'

const UNAVAILABLE = { code: 'UNAVAILABLE', status: 503, retryAfterS: 5 }
/** Writers at work while the server is ended. */
const WRITERS = 4
/** Pause between two looks or tries, in ms. */
const PAUSE_MS = 10

describe('a PostgreSQL server that goes away', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server[Symbol.asyncDispose]())

  it('is UNAVAILABLE meanwhile, and used again once it is back', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await opened.add({ name: 'x', size: 1 })
    await server.stop()
    await assert.rejects(opened.add({ name: 'y', size: 1 }), UNAVAILABLE)
    await assert.rejects(opened.db.read.selectFrom('things').selectAll().execute(), UNAVAILABLE)
    await assert.rejects(async () => opened.find('absent'), UNAVAILABLE)
    await assert.rejects(opened.db.check(), UNAVAILABLE)
    await server.start()
    await opened.db.check()
    await opened.add({ name: 'y', size: 1 })
    assert.equal((await opened.find('y'))?.size, 1)
  })

  it('is written to again once its sessions do more than read', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    const setReadOnly = async (value: string): Promise<void> => {
      await server.query(`alter database ${database.name} set default_transaction_read_only = ${value}`)
    }
    await setReadOnly('on')
    await endSessions(database, 'true')
    await assert.rejects(opened.add({ name: 'x', size: 1 }), UNAVAILABLE)
    await setReadOnly('off')
    await opened.add({ name: 'x', size: 1 })
  })

  it('undoes a transaction whose connection it ends, which is not run again', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    let runs = 0
    const cut = opened.db.transaction(async (tx) => {
      runs++
      await tx.insertInto('things').values({ name: 'x', size: 1 }).execute()
      await endSessions(database, 'true')
      await tx.insertInto('things').values({ name: 'y', size: 1 }).execute()
    })
    await assert.rejects(cut, UNAVAILABLE)
    assert.equal(runs, 1)
    assert.deepEqual(await server.query('select name from things', database.name), [])
  })

  it('is not taken to have committed, nor run again, where the connection is lost during the commit', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await addTrigger(database, 'perform pg_sleep(60)')
    let runs = 0
    const committing = opened.db.transaction(async (tx) => {
      runs++
      await tx.insertInto('things').values({ name: 'x', size: 1 }).execute()
    })
    const refused = assert.rejects(committing, {
      ...UNAVAILABLE,
      message: /not known whether the change was made/,
    })
    while ((await endSessions(database, "query like '%commit'")) === 0) await sleep(PAUSE_MS)
    await refused
    assert.equal(runs, 1)
  })

  it('that has a full disk is STORAGE_FULL', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await addTrigger(database, "raise exception using errcode = '53100'")
    await assert.rejects(opened.add({ name: 'x', size: 1 }), { code: 'STORAGE_FULL', status: 507 })
  })

  it('gives a transaction up after a bounded number of runs that others came before', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await addTrigger(database, "raise exception using errcode = '40001'")
    await assert.rejects(opened.add({ name: 'x', size: 1 }), { ...UNAVAILABLE, message: /too busy/ })
  })

  it('keeps all that was acknowledged, however it ended', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    const written: string[] = []
    let isDone = false
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let at = 0; !isDone; at++) {
        if (await isAdded(opened, `${writer}-${at}`)) written.push(`${writer}-${at}`)
      }
    })
    for (const end of ['kill', 'stop', 'kill'] as const) {
      const wanted = written.length + 20
      while (written.length < wanted) await sleep(PAUSE_MS)
      await server[end]()
      await server.start()
    }
    isDone = true
    await Promise.all(writers)
    const rows = await opened.db.read.selectFrom('things').select('name').execute()
    const kept = new Set(rows.map(({ name }) => name))
    assert.deepEqual(
      written.filter((name) => !kept.has(name)),
      [],
    )
  })

  /** Runs before each commit that has added a thing. */
  async function addTrigger({ name }: PostgresTestDatabase, statement: string): Promise<void> {
    await server.query(
      `create function act() returns trigger language plpgsql as $$ begin ${statement}; return null; end $$;
      create constraint trigger acting after insert on things deferrable initially deferred
        for each row execute function act()`,
      name,
    )
  }

  /** @returns how many were ended. */
  async function endSessions({ name }: PostgresTestDatabase, condition: string): Promise<number> {
    const ended = await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = '${name}' and application_name = 'berth' and ${condition}`,
    )
    return ended.length
  }
})

async function isAdded(opened: ThingsDatabase, name: string): Promise<boolean> {
  try {
    await opened.add({ name, size: 1 })
    return true
  } catch (error) {
    assert.ok(error instanceof OciError, String(error))
    assert.equal(error.code, 'UNAVAILABLE')
    await sleep(PAUSE_MS)
    return false
  }
}
