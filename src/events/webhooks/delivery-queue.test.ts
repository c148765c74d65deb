import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { Database } from '../../database/database.ts'
import { sealEvents } from '../audit/seal-events.ts'
import { recordEvent } from '../record-event.ts'
import type { EventsSchema } from '../schema.ts'
import { DeliveryQueue, MAX_ATTEMPTS } from './delivery-queue.ts'
import { MAX_WAITING, queueDeliveries } from './queue-deliveries.ts'
import type { NewWebhook } from './webhook.ts'
import { createWebhookManager, syncWebhooks } from './webhook-manager.ts'

const test = testOnEngines()
const HOOK: NewWebhook = {
  name: 'hook',
  url: 'https://hook.test/path-canary',
  format: 'cloudevents',
  repositories: ['team/**'],
  actions: ['manifest.push'],
  secret: 'whsec_canary',
  headers: { authorization: 'canary' },
  timeoutMs: 1_000,
}
const FAILED = { isDelivered: false, status: 500, reason: 'status 500' }
const TAKEN = { isDelivered: true, status: 200, reason: undefined }

async function push(database: Database<EventsSchema>, ...repositories: string[]): Promise<void> {
  for (const repository of repositories)
    await database.transaction((tx) =>
      recordEvent(tx, { action: 'manifest.push', repository }, database.now()),
    )
  while (await sealEvents(database, queueDeliveries));
}

async function requireHook(database: Database<EventsSchema>): Promise<number> {
  return (await createWebhookManager(database).find('hook'))?.id ?? assert.fail()
}

test('each repository has one delivery at a time, in order, and a failed one keeps back its own only', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  const queue = new DeliveryQueue(database)
  const manager = createWebhookManager(database)
  assert.equal(await manager.add(HOOK, 'root'), true)
  assert.equal(await manager.add(HOOK, 'root'), false)
  await push(database, 'team/a', 'team/a', 'team/b', 'other/c')
  const id = await requireHook(database)
  assert.deepEqual(
    (await queue.listDue()).map(({ name }) => name),
    ['hook'],
  )
  const first = await queue.listFirst(id, { busy: [], limit: 10 })
  assert.deepEqual(
    first.map(({ repository }) => repository),
    ['team/a', 'team/b'],
  )
  assert.equal((await queue.listFirst(id, { busy: ['team/a'], limit: 10 })).length, 1)
  const [a = assert.fail(), b = assert.fail()] = first
  await queue.note(a, FAILED)
  await queue.note(b, TAKEN)
  assert.deepEqual(
    await queue.listFirst(id, { busy: [], limit: 10 }),
    [],
    'the second of team/a waits for the first',
  )
  assert.equal(await queue.findNext(id, 'team/a'), undefined)
  assert.equal(await manager.redeliver({ id: a.id }, 'root'), 1)
  const again = (await queue.findNext(id, 'team/a')) ?? assert.fail()
  assert.equal(again.id, a.id)
  await queue.note(again, TAKEN)
  assert.equal((await queue.findNext(id, 'team/a'))?.event.repository, 'team/a')
})

test('a delivery is dead after its last attempt, and is sent again on request', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  const queue = new DeliveryQueue(database)
  const manager = createWebhookManager(database)
  await manager.add(HOOK, 'root')
  await push(database, 'team/a')
  const [due = assert.fail()] = await queue.listFirst(await requireHook(database), { busy: [], limit: 1 })
  assert.equal(await queue.note({ ...due, attempts: MAX_ATTEMPTS - 2 }, FAILED), false)
  assert.equal(await queue.note({ ...due, attempts: MAX_ATTEMPTS - 1 }, FAILED), true)
  assert.deepEqual(await queue.listDue(), [])
  const [dead] = await manager.listDeliveries({ state: 'dead' }, 10)
  assert.deepEqual([dead?.attempts, dead?.reason, dead?.dueAt], [MAX_ATTEMPTS, 'status 500', undefined])
  assert.equal((await manager.list())[0]?.dead, 1)
  assert.equal(await manager.redeliver({ webhook: 'hook' }, 'root'), 1)
  assert.equal((await queue.listDue()).length, 1)
})

test('one process has the turn to deliver', async (open) => {
  await using temporary = await open()
  const queue = new DeliveryQueue(temporary.database)
  const turns = await Promise.all(['a', 'b', 'c'].map((name) => queue.takeTurn(name)))
  assert.equal(turns.filter(Boolean).length, 1)
  const holder = ['a', 'b', 'c'][turns.indexOf(true)] ?? ''
  assert.equal(await queue.takeTurn(holder), true)
  await queue.endTurn(holder)
  assert.equal(await queue.takeTurn('d'), true)
})

test('what exceeds the bound of a webhook is dead at once', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  const manager = createWebhookManager(database)
  await manager.add(HOOK, 'root')
  await push(database, 'team/a')
  const row = await database.read.selectFrom('webhook_deliveries').selectAll().executeTakeFirstOrThrow()
  const { id: _, ...copy } = row
  await database.transaction(async (tx) => {
    for (let at = 1; at < MAX_WAITING; at += 500)
      await tx
        .insertInto('webhook_deliveries')
        .values(Array.from({ length: Math.min(500, MAX_WAITING - at) }, () => copy))
        .execute()
  })
  await push(database, 'team/b')
  const [dead] = await manager.listDeliveries({ state: 'dead' }, 10)
  assert.deepEqual([dead?.repository, dead?.reason], ['team/b', 'too many deliveries wait'])
})

test('lists and events show no key, no value of a header and no path of a webhook', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  const manager = createWebhookManager(database)
  await manager.add(HOOK, 'root')
  await manager.remove('hook', 'root')
  assert.deepEqual(await syncWebhooks(database, [HOOK]), [])
  assert.equal(await manager.remove('hook', 'root'), 'settings')
  const outbox = await database.read.selectFrom('event_outbox').select('body').execute()
  assert.equal(outbox.length, 2)
  assert.doesNotMatch(JSON.stringify([await manager.list(), outbox]), /canary/)
})

test('webhooks of the settings follow them, and leave those of commands alone', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  const manager = createWebhookManager(database)
  await manager.add({ ...HOOK, name: 'own' }, 'root')
  const names = async () => (await manager.list()).map(({ name, source }) => `${name} ${source}`)
  assert.deepEqual(await syncWebhooks(database, [HOOK, { ...HOOK, name: 'own' }]), ['own'])
  assert.deepEqual(await names(), ['hook settings', 'own command'])
  await syncWebhooks(database, [{ ...HOOK, name: 'new' }])
  assert.deepEqual(await names(), ['new settings', 'own command'])
  await syncWebhooks(database, [])
  assert.deepEqual(await names(), ['own command'])
})
