import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../../../test/support/database/postgres-server.ts'
import { openThings, type ThingsSchema } from '../../../test/support/database/things-database.ts'
import type { Database } from '../database.ts'

describe('openPostgresDatabase()', { skip: postgresSkipReason() }, () => {
  let server: PostgresServer
  before(async () => {
    server = await startPostgresServer()
  })
  after(() => server[Symbol.asyncDispose]())

  it('keeps numbers, bytes and the order of texts by their bytes', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    const { db } = opened
    const size = Number.MAX_SAFE_INTEGER
    for (const name of ['a', 'B', '_', '10', '9'])
      await opened.add({ name, size, bytes: Buffer.from([0, 255]) })
    const rows = await db.read.selectFrom('things').selectAll().orderBy('name').execute()
    assert.deepEqual(
      rows.map((row) => row.name),
      ['10', '9', 'B', '_', 'a'],
    )
    assert.equal(rows[0]?.size, size)
    assert.ok(rows[0]?.bytes instanceof Uint8Array)
    assert.deepEqual([...rows[0].bytes], [0, 255])
    const { sum } = await db.read
      .selectFrom('things')
      .select(({ fn }) => fn.sum<number>('id').as('sum'))
      .executeTakeFirstOrThrow()
    assert.equal(sum, 15)
  })

  it('refuses a number that it cannot give exactly', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await server.query("insert into things (name, size) values ('x', 9007199254740993)", database.name)
    await assert.rejects(opened.db.read.selectFrom('things').selectAll().execute(), /9007199254740993/)
  })

  it('compiles no statement of a transaction, which reads few rows', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    const explain = (): Promise<string> =>
      opened.db.transaction(async (tx) => {
        const plan = await tx.selectFrom('things').selectAll().where('size', '=', 1).explain('text')
        return JSON.stringify(plan)
      })
    assert.doesNotMatch(await explain(), /JIT/)
  })

  it('runs a transaction again that another one came before', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await using again = await openThings(database.target)
    await opened.add({ name: 'count', size: 0 })
    const increment = (db: Database<ThingsSchema>): Promise<void> =>
      db.transaction(async (tx) => {
        const { size } = await tx.selectFrom('things').select('size').executeTakeFirstOrThrow()
        await tx
          .updateTable('things')
          .set({ size: size + 1 })
          .execute()
      })
    await Promise.all(Array.from({ length: 20 }, (_, at) => increment(at % 2 === 0 ? opened.db : again.db)))
    assert.equal((await opened.db.read.selectFrom('things').select('size').executeTakeFirst())?.size, 20)
  })

  it('undoes what work has done before it failed, and runs it once', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    let runs = 0
    const failing = opened.db.transaction(async (tx) => {
      runs++
      await tx.insertInto('things').values({ name: 'x', size: 1 }).execute()
      throw new Error('no')
    })
    await assert.rejects(failing, /^Error: no$/)
    assert.equal(runs, 1)
    assert.equal(await opened.db.read.selectFrom('things').select('id').executeTakeFirst(), undefined)
  })

  it('gives a mistake that looks like a race back after a few runs', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await opened.add({ name: 'x', size: 1 })
    await assert.rejects(opened.add({ name: 'x', size: 1 }), { code: '23505' })
  })

  it('commits nothing where work goes on after a query that failed', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await opened.add({ name: 'x', size: 1 })
    const swallowing = opened.db.transaction(async (tx) => {
      await tx.insertInto('things').values({ name: 'y', size: 1 }).execute()
      await tx
        .insertInto('things')
        .values({ name: 'x', size: 1 })
        .execute()
        .catch(() => {})
    })
    await assert.rejects(swallowing, { code: '23505' })
    assert.equal((await opened.db.read.selectFrom('things').select('id').execute()).length, 1)
  })

  it('lets many nodes that start at once migrate once', async () => {
    await using database = await server.createDatabase()
    const nodes = await Promise.all(Array.from({ length: 6 }, () => openThings(database.target)))
    for (const node of nodes) await node[Symbol.asyncDispose]()
  })

  it('lets them migrate once, too, where transactions have another isolation by default', async () => {
    for (const isolation of ['repeatable read', 'serializable']) {
      await using database = await server.createDatabase()
      await server.query(`alter database ${database.name} set default_transaction_isolation = '${isolation}'`)
      const nodes = await Promise.all(Array.from({ length: 4 }, () => openThings(database.target)))
      for (const node of nodes) await node[Symbol.asyncDispose]()
    }
  })

  it('leaves the migrations of another program in another schema alone', async () => {
    await using database = await server.createDatabase()
    await server.query('create schema other', database.name)
    await server.query('create table other.kysely_migration (name text)', database.name)
    await server.query("insert into other.kysely_migration values ('theirs')", database.name)
    for (let start = 0; start < 2; start++) {
      await using opened = await openThings(database.target)
      await opened.add({ name: `x${start}`, size: 1 })
    }
  })

  it('refuses a newer schema', async () => {
    await using database = await server.createDatabase()
    await using _opened = await openThings(database.target)
    await server.query("insert into kysely_migration values ('things/999-later', '')", database.name)
    await assert.rejects(openThings(database.target), { code: 'SCHEMA_TOO_NEW', message: /999-later/ })
  })

  it('remembers a first row until it changes', async () => {
    await using database = await server.createDatabase()
    await using opened = await openThings(database.target)
    await opened.add({ name: 'x', size: 1 })
    assert.equal((await opened.find('x'))?.size, 1)
    assert.equal(await opened.find('y'), undefined)
    await opened.setSize('x', 2)
    assert.equal((await opened.find('x'))?.size, 2)
  })
})
