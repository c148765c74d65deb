import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FinishedSpan } from './span.ts'
import { SpanQueue } from './span-queue.ts'

const SPAN: FinishedSpan = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: undefined,
  isParentRemote: false,
  state: '',
  name: 'GET',
  kind: 'server',
  startedAt: 1_700_000_000_000,
  endedAt: 1_700_000_000_001,
  attributes: {},
  isError: false,
}

/** A queue before a collector that answers as given. */
async function openQueue(answer: RequestListener) {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const counts = { sent: 0, failed: 0, dropped: 0 }
  const messages: string[] = []
  const queue = new SpanQueue({
    collector: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`,
      headers: async () => ({ authorization: 'Bearer x' }),
    },
    resource: { 'service.name': 'test' },
    count: (fate, spans) => {
      counts[fate] += spans
    },
    onFailure: (reason) => messages.push(reason),
    onRecovery: () => messages.push('recovered'),
    sendEveryMs: 10,
    firstRetryMs: 10,
  })
  return {
    queue,
    counts,
    messages,
    async until(holds: () => boolean) {
      for (let tries = 0; !holds(); tries++) {
        if (tries > 1_000) assert.fail(JSON.stringify({ counts, messages }))
        await sleep(10)
      }
    },
    async [Symbol.asyncDispose]() {
      await queue[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

test('a `SpanQueue` sends batches of a bounded size, and counts what a collector rejects', async () => {
  const sizes: number[] = []
  await using opened = await openQueue(async (request, response) => {
    const { resourceSpans } = JSON.parse(await readText(request))
    sizes.push(resourceSpans[0].scopeSpans[0].spans.length)
    response.end(JSON.stringify({ partialSuccess: { rejectedSpans: '2' } }))
  })
  for (let count = 0; count < 1_200; count++) opened.queue.add(SPAN)
  await opened.until(() => opened.counts.sent + opened.counts.failed === 1_200)
  assert.deepEqual(sizes, [512, 512, 176])
  assert.deepEqual(opened.counts, { sent: 1_194, failed: 6, dropped: 0 })
  assert.deepEqual(opened.messages, [])
})

test('a `SpanQueue` keeps spans through a short failure, and reports it once', async () => {
  let requests = 0
  await using opened = await openQueue((request, response) => {
    request.resume()
    response.writeHead(++requests <= 3 ? 503 : 200).end()
  })
  opened.queue.add(SPAN)
  await opened.until(() => opened.counts.sent === 1)
  assert.equal(requests, 4)
  assert.deepEqual(opened.messages, ['status 503', 'recovered'])
  assert.equal(opened.counts.failed, 0)
})

test('a `SpanQueue` gives a batch up after four attempts, and one that is refused at once', async () => {
  for (const [status, attempts] of [
    [503, 4],
    [400, 1],
    [401, 1],
  ] as const) {
    let requests = 0
    await using opened = await openQueue((request, response) => {
      requests++
      request.resume()
      response.writeHead(status).end('x'.repeat(200_000))
    })
    opened.queue.add(SPAN)
    await opened.until(() => opened.counts.failed === 1)
    assert.equal(requests, attempts)
    assert.deepEqual(opened.messages, [`status ${status}`])
  }
})

test('a `SpanQueue` holds a bounded number of spans, and its end a bounded time', async () => {
  await using opened = await openQueue((request) => request.resume())
  for (let count = 0; count < 3_000; count++) opened.queue.add(SPAN)
  assert.equal(opened.counts.dropped, 3_000 - 2_048)
  await sleep(50)
  const startedAt = performance.now()
  await opened.queue[Symbol.asyncDispose]()
  assert.ok(performance.now() - startedAt < 4_000)
  assert.equal(opened.counts.failed, 2_048)
  opened.queue.add(SPAN)
  assert.equal(opened.counts.dropped, 3_001 - 2_048)
})

test('the last spans of a `SpanQueue` are sent at its end', async () => {
  await using opened = await openQueue((request, response) => {
    request.resume()
    response.end()
  })
  for (let count = 0; count < 700; count++) opened.queue.add(SPAN)
  await opened.queue[Symbol.asyncDispose]()
  assert.deepEqual(opened.counts, { sent: 700, failed: 0, dropped: 0 })
})
