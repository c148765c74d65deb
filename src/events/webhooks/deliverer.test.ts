import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { Database } from '../../database/database.ts'
import { createGuardedRequest } from '../../outgoing/guarded-request.ts'
import { sealEvents } from '../audit/seal-events.ts'
import { recordEvent } from '../record-event.ts'
import type { EventsSchema } from '../schema.ts'
import { Deliverer } from './deliverer.ts'
import { DeliveryQueue } from './delivery-queue.ts'
import { queueDeliveries } from './queue-deliveries.ts'
import { createWebhookManager } from './webhook-manager.ts'

const test = testOnEngines()
/** Bound for what must not wait for a hanging request, in milliseconds; these hang for longer. */
const SOON_MS = 3_000
const HANG_MS = 20_000

/** A server that answers at once, and never where `isHanging` is true for the repository. */
async function openReceiver(isHanging: (repository: string) => boolean = () => false) {
  const received: { repository: string; tag: string }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { subject: repository, data } = JSON.parse(body)
    received.push({ repository, tag: data.tags[0].name })
    if (!isHanging(repository)) response.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    received,
    url: `http://127.0.0.1:${port}/`,
    async wait(repository: string, timeoutMs: number): Promise<void> {
      const until = performance.now() + timeoutMs
      const isThere = () => received.some((one) => one.repository === repository)
      while (!isThere() && performance.now() < until) await sleep(10)
      assert.ok(isThere(), `${repository} came in ${timeoutMs} ms`)
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A deliverer to the server of `url`; disposing stops it. */
async function openDeliverer(
  database: Database<EventsSchema>,
  url: string,
  {
    queue = new DeliveryQueue(database),
    onError = (error: unknown) => assert.ifError(error),
  }: { queue?: DeliveryQueue; onError?: (error: unknown) => void } = {},
) {
  await createWebhookManager(database).add(
    {
      ...{ name: 'hook', url, format: 'cloudevents', repositories: ['**'], actions: [] },
      ...{ secret: undefined, headers: {}, timeoutMs: HANG_MS },
    },
    'root',
  )
  const deliverer = new Deliverer({
    queue,
    send: createGuardedRequest({ mayReach: () => true }),
    registry: 'http://localhost',
    userAgent: 'test',
    onAttempt: () => {},
    onError,
  })
  return { run: () => deliverer.run(), [Symbol.asyncDispose]: () => deliverer.stop() }
}

async function push(database: Database<EventsSchema>, repositories: string[], tag = 'v1'): Promise<void> {
  await database.transaction(async (tx) => {
    for (const repository of repositories)
      await recordEvent(tx, { action: 'manifest.push', repository, tags: [{ name: tag }] }, database.now())
  })
  while (await sealEvents(database, queueDeliveries));
}

function names(owner: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${owner}/r${index}`)
}

test('deliveries of 60 repositories follow each other without a further call, each repository in order', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await using receiver = await openReceiver()
  await using deliverer = await openDeliverer(database, receiver.url)
  const [first, ...others] = names('alice', 60)
  for (const tag of ['v1', 'v2', 'v3'])
    await push(database, [first ?? '', ...(tag === 'v1' ? others : [])], tag)
  const startedAt = performance.now()
  await deliverer.run()
  while (receiver.received.length < 62 && performance.now() - startedAt < SOON_MS) await sleep(10)
  assert.equal(receiver.received.length, 62)
  const tags = receiver.received.filter(({ repository }) => repository === first).map(({ tag }) => tag)
  assert.deepEqual(tags, ['v1', 'v2', 'v3'])
})

test('60 hanging repositories of an owner hold up no repository of others', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await using receiver = await openReceiver((repository) => /^(alice|carol)\//.test(repository))
  await using deliverer = await openDeliverer(database, receiver.url)
  await push(database, names('alice', 60))
  // As long as it takes until the slow requests have all places that they can have.
  for (let count = 0; count < 5; count++) {
    await deliverer.run()
    await sleep(1_000)
  }
  assert.equal(receiver.received.length, 24, 'the requests to one webhook are bounded')
  // Another owner whose receiver hangs gets one place, and not the last ones.
  await push(database, [...names('carol', 20), 'bob/app', 'plain'])
  await deliverer.run()
  await receiver.wait('bob/app', SOON_MS)
  await receiver.wait('plain', SOON_MS)
  assert.equal(receiver.received.length, 27)
})

test('hanging repositories take no place from others of their owner after a second', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await using receiver = await openReceiver((repository) => repository !== 'alice/quick')
  await using deliverer = await openDeliverer(database, receiver.url)
  await push(database, [...names('alice', 12), 'alice/quick'])
  await deliverer.run()
  await sleep(1_100)
  await deliverer.run()
  await receiver.wait('alice/quick', SOON_MS)
})

test('a delivery whose end cannot be noted is sent again at the next call, and not at once', async (open) => {
  await using temporary = await open()
  const { database } = temporary
  await using receiver = await openReceiver()
  /** Fails as one on a full disk does. */
  class FullQueue extends DeliveryQueue {
    override async note(): Promise<boolean> {
      throw new Error('the disk is full')
    }
  }
  const errors: unknown[] = []
  await using deliverer = await openDeliverer(database, receiver.url, {
    queue: new FullQueue(database),
    onError: (error) => errors.push(error),
  })
  await push(database, ['alice/app'])
  for (const count of [1, 2]) {
    await deliverer.run()
    await sleep(500)
    assert.deepEqual([receiver.received.length, errors.length], [count, count])
  }
})
