import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import { BufferBudget } from './buffer-budget.ts'
import { ChunkCollector } from './chunk-collector.ts'
import { freeMemoryOf } from './free-memory.ts'
import { type Received, type ReceiveOptions, receive } from './receive.ts'

/** Receives a body and returns the consumed pieces, in order. */
async function collect(
  source: Readable,
  options: Partial<ReceiveOptions> = {},
): Promise<Received & { bytes: Buffer }> {
  const parts: Buffer[] = []
  const consume = async (bytes: Buffer): Promise<void> => {
    parts.push(Buffer.from(bytes))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const budget = new BufferBudget(new ChunkCollector())
  const received = await receive(source, { budget, consume, maxBytes: 1e9, gapMs: 5_000, ...options })
  return { ...received, bytes: Buffer.concat(parts) }
}

test('`receive()` hands on every byte in order, whatever the sizes of the pieces', async () => {
  for (const sizes of [[], [1], [70_000, 1, 3], [5_000_000, 7, 4_000_000], Array(300).fill(16_383)]) {
    const pieces = sizes.map((size: number, at: number) => Buffer.alloc(size, at % 251))
    const sent = Buffer.concat(pieces)
    const { bytes, interruption } = await collect(Readable.from(pieces, { objectMode: false }))
    assert.equal(interruption, undefined)
    assert.ok(bytes.equals(sent), `pieces of ${sizes.slice(0, 3)}`)
  }
})

test('`receive()` releases what it has copied, whose memory then can be freed, not memory that others share', async () => {
  const whole = Buffer.alloc(100_000, 1)
  const shared = new ArrayBuffer(100_000)
  const part = Buffer.from(shared, 50_000)
  const { bytes } = await collect(Readable.from([whole, part]), { release: freeMemoryOf })
  assert.equal(bytes.length, 150_000)
  assert.deepEqual([whole.length, part.length, shared.byteLength], [0, 50_000, 100_000])
})

test('`receive()` has one buffer of each on its way in a crowd, also of one that was there before', async () => {
  const budget = new BufferBudget(new ChunkCollector())
  let [underWay, most, left, isCrowd] = [0, 0, 10_000_000, false]
  const consume = async (bytes: Buffer): Promise<void> => {
    underWay++
    left -= bytes.length
    // The rest at the end is passed on at once.
    if (isCrowd && left > 0) most = Math.max(most, underWay)
    await new Promise((resolve) => setTimeout(resolve, 5))
    underWay--
    // Three were under way before the crowd: they end first.
    if (!isCrowd && underWay === 2) {
      for (let i = 0; i < 50; i++) budget.enter()
      isCrowd = true
    }
  }
  const source = Readable.from(Array.from({ length: 100 }, () => Buffer.alloc(100_000)))
  await receive(source, { budget, consume, maxBytes: 1e9, gapMs: 5_000 })
  assert.deepEqual([isCrowd, most], [true, 1])
})

test('`receive()` fails with what `consume` throws, also before it returns a promise, and gives its buffers back', async () => {
  for (const size of [10, 5_000_000]) {
    const budget = new BufferBudget(new ChunkCollector())
    const source = Readable.from([Buffer.alloc(size), Buffer.alloc(size)])
    const consume = (): Promise<void> => {
      throw new Error('the disk is gone')
    }
    const received = receive(source, { budget, consume, maxBytes: 1e9, gapMs: 5_000 })
    await assert.rejects(received, /the disk is gone/)
    assert.equal(budget.transfers, 0)
  }
})

test('`receive()` reports a sender that stalls after it was held back', async () => {
  const source = new PassThrough()
  source.write(Buffer.alloc(40_000_000))
  const { interruption, bytes } = await collect(source, { gapMs: 50 })
  assert.deepEqual([interruption, bytes.length], ['stalled', 40_000_000])
})

test('`receive()` reports a sender that vanishes or stalls, and keeps the bytes it sent', async () => {
  const vanishing = new PassThrough()
  vanishing.write('abc', () => setImmediate(() => vanishing.destroy()))
  const vanished = await collect(vanishing)
  assert.deepEqual([vanished.interruption, String(vanished.bytes)], ['vanished', 'abc'])
  const stalling = new PassThrough()
  stalling.write('abc')
  const stalled = await collect(stalling, { gapMs: 50 })
  assert.deepEqual([stalled.interruption, String(stalled.bytes)], ['stalled', 'abc'])
  const gone = new PassThrough()
  gone.destroy()
  assert.equal((await collect(gone)).interruption, 'vanished')
})

test('`receive()` stops at the bound and hands on nothing beyond it', async () => {
  const { interruption, bytes } = await collect(Readable.from([Buffer.alloc(60), Buffer.alloc(60)]), {
    maxBytes: 100,
  })
  assert.equal(interruption, 'too-large')
  assert.ok(bytes.length <= 100)
})

test('`receive()` fails as its consumer fails', async () => {
  const failure = new Error('the disk is full')
  const consume = () => Promise.reject(failure)
  await assert.rejects(collect(Readable.from([Buffer.alloc(3_000_000)]), { consume }), failure)
})
