import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { Database } from '../../database/database.ts'
import type { NewEvent } from '../event.ts'
import { recordEvent } from '../record-event.ts'
import type { EventsSchema } from '../schema.ts'
import { listEvents } from './list-events.ts'
import { sealEvents } from './seal-events.ts'
import { trimLog } from './trim-log.ts'
import { verifyLog } from './verify-log.ts'

const test = testOnEngines()
const ANY_AGE = { keepMs: undefined, maxSize: Number.MAX_SAFE_INTEGER }

async function record(database: Database<EventsSchema>, ...events: NewEvent[]): Promise<void> {
  for (const event of events) await database.transaction((tx) => recordEvent(tx, event, database.now()))
}

function pushes(count: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    action: 'manifest.push',
    repository: `team/app${index}`,
  }))
}

async function seal(database: Database<EventsSchema>): Promise<void> {
  while (await sealEvents(database));
}

test('an event counts with its transaction, and gets a place that has no gaps', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await record(database, { action: 'user.add', who: 'root', target: 'alice' })
  const failed = database.transaction(async (tx) => {
    await recordEvent(tx, { action: 'tag.delete', repository: 'a/b' }, 1)
    throw new Error('undone')
  })
  await assert.rejects(failed, /undone/)
  await record(database, ...pushes(2))
  const before = await listEvents(database, {}, 10)
  assert.deepEqual(
    before.map(({ position }) => position),
    [undefined, undefined, undefined],
    'not sealed yet',
  )
  await seal(database)
  const after = await listEvents(database, {}, 10)
  assert.deepEqual(
    after.map(({ position, event }) => [position, event.action, event.who, event.via]),
    [
      [1, 'user.add', 'root', 'command'],
      [2, 'manifest.push', undefined, 'server'],
      [3, 'manifest.push', undefined, 'server'],
    ],
  )
  assert.deepEqual(
    after.map(({ event }) => event.id),
    before.map(({ event }) => event.id),
  )
  assert.equal((await verifyLog(database)).broken, undefined)
})

test('an event that is committed late is neither lost nor listed before it is', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  if (database.engine === 'sqlite') return // One writer: no transaction is overtaken.
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const late = database.transaction(async (tx) => {
    await recordEvent(tx, { action: 'pin.set', target: 'late' }, 1)
    begin()
    await held
  })
  await begun
  await record(database, { action: 'pin.set', target: 'early' })
  await seal(database)
  release()
  await late
  await seal(database)
  const listed = await listEvents(database, {}, 10)
  assert.deepEqual(
    listed.map(({ position, event }) => [position, event.target]),
    [
      [1, 'early'],
      [2, 'late'],
    ],
  )
})

test('processes that seal at once make one chain, and no event twice', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await record(database, ...pushes(30))
  await Promise.all([...Array.from({ length: 4 }, () => seal(database)), record(database, ...pushes(20))])
  await seal(database)
  const listed = await listEvents(database, {}, 1_000)
  assert.deepEqual(
    listed.map(({ position }) => position),
    Array.from({ length: 50 }, (_, index) => index + 1),
  )
  assert.equal(new Set(listed.map(({ event }) => event.id)).size, 50)
  assert.equal((await verifyLog(database)).broken, undefined)
})

test('each way of changing the log shows, by the first broken link', async (open) => {
  const changes: [string, number, string, (database: Database<EventsSchema>) => Promise<unknown>][] = [
    ['a row removed', 3, 'missing', (db) => remove(db, 3)],
    ['the first row removed', 1, 'missing', (db) => remove(db, 1)],
    ['the last row removed', 6, 'missing', (db) => remove(db, 6)],
    ['a body changed', 2, 'changed', (db) => change(db, 2, { body: '{"at":"2026-01-01T00:00:00.000Z"}' })],
    ['a hash changed', 4, 'changed', (db) => change(db, 4, { hash: 'f'.repeat(64) })],
    ['a column changed', 5, 'columns-changed', (db) => change(db, 5, { who: 'mallory' })],
    [
      'the end forgotten',
      1,
      'end-changed',
      (db) => db.transaction((tx) => tx.deleteFrom('audit_head').execute()),
    ],
    ['a row added', 7, 'end-changed', (db) => add(db)],
  ]
  for (const [name, position, kind, alter] of changes) {
    await using temporary = await open()
    const { database } = temporary
    await record(database, ...pushes(6))
    await seal(database)
    assert.equal((await verifyLog(database)).checked, 6)
    await alter(database)
    assert.deepEqual((await verifyLog(database)).broken, { position, kind }, name)
  }
})

test('a log that was written anew shows by a link that was kept elsewhere', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await record(database, ...pushes(3))
  await seal(database)
  const { end } = await verifyLog(database)
  await record(database, ...pushes(1))
  await seal(database)
  assert.equal((await verifyLog(database, end)).broken, undefined)
  await database.transaction(async (tx) => {
    await tx.deleteFrom('audit_log').execute()
    await tx.deleteFrom('audit_head').execute()
  })
  await record(database, ...pushes(2))
  await seal(database)
  assert.equal((await verifyLog(database)).broken, undefined)
  assert.equal((await verifyLog(database, end)).broken?.kind, 'expected-differs', 'shorter than it was')
  await record(database, ...pushes(4))
  await seal(database)
  assert.deepEqual((await verifyLog(database, end)).broken, { position: 3, kind: 'expected-differs' })
})

test('old events are removed by age and by size, and the rest is still a whole chain', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await database.transaction((tx) => recordEvent(tx, { action: 'trash.empty' }, 1_000))
  await record(database, ...pushes(9))
  await seal(database)
  const now = database.now()
  assert.equal(await trimLog(database, ANY_AGE, now), false)
  assert.equal((await listEvents(database, {}, 100)).length, 10)
  await trimLog(database, { ...ANY_AGE, keepMs: 3_600_000 }, now)
  assert.deepEqual((await listEvents(database, {}, 100)).at(0)?.position, 2)
  const bodies = await database.read.selectFrom('audit_log').select('body').orderBy('position').execute()
  const maxSize = bodies.slice(-4).reduce((sum, { body }) => sum + body.length, 0)
  await trimLog(database, { ...ANY_AGE, maxSize }, now)
  const { broken, anchor, checked } = await verifyLog(database)
  assert.deepEqual([broken, anchor, checked], [undefined, 6, 4])
  await record(database, ...pushes(1))
  await seal(database)
  assert.deepEqual((await verifyLog(database)).broken, undefined)
  await remove(database, 7)
  assert.deepEqual((await verifyLog(database)).broken, { position: 7, kind: 'missing' })
})

test('events are found by who, action, repository, outcome and time', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await record(
    database,
    { action: 'user.add', who: 'root' },
    { action: 'user.remove', who: 'root' },
    { action: 'user.add', who: 'alice', outcome: 'refused' },
    { action: 'manifest.push', who: 'alice', repository: 'team/app' },
    { action: 'manifest.push', who: 'alice', repository: 'team/app/web' },
    { action: 'manifest.push', who: 'alice', repository: 'teams/app' },
  )
  for (const isSealed of [false, true]) {
    if (isSealed) await seal(database)
    const count = async (filter: Parameters<typeof listEvents>[1]) =>
      (await listEvents(database, filter, 100)).length
    assert.equal(await count({ who: 'root' }), 2)
    assert.equal(await count({ action: 'user' }), 3)
    assert.equal(await count({ action: 'user.add' }), 2)
    assert.equal(await count({ outcome: 'refused' }), 1)
    assert.equal(await count({ repository: 'team/app' }), 1)
    assert.equal(await count({ repository: 'team/**' }), 2)
    assert.equal(await count({ since: new Date(Date.now() + 60_000) }), 0)
    assert.equal(await count({ until: new Date(Date.now() - 60_000) }), 0)
    assert.equal((await listEvents(database, {}, 2)).length, 2)
  }
  const page = await listEvents(database, { after: 2 }, 3)
  assert.deepEqual(
    page.map(({ position }) => position),
    [3, 4, 5],
  )
})

function remove(database: Database<EventsSchema>, position: number) {
  return database.transaction((tx) => tx.deleteFrom('audit_log').where('position', '=', position).execute())
}

function change(
  database: Database<EventsSchema>,
  position: number,
  values: Partial<EventsSchema['audit_log']>,
) {
  return database.transaction((tx) =>
    tx.updateTable('audit_log').set(values).where('position', '=', position).execute(),
  )
}

async function add(database: Database<EventsSchema>): Promise<void> {
  await database.transaction(async (tx) => {
    const row = await tx
      .selectFrom('audit_log')
      .selectAll()
      .where('position', '=', 6)
      .executeTakeFirstOrThrow()
    await tx
      .insertInto('audit_log')
      .values({ ...row, position: 7 })
      .execute()
  })
}
