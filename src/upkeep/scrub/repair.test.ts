import assert from 'node:assert/strict'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { APP, DAMAGEABLE_STORES, openScrubRoom } from '../../../test/support/memory/scrub-room.ts'
import type { LeastSpeed } from './least-speed.ts'
import { type RepairSource, repair } from './repair.ts'

const onEngines = testOnEngines()
type Room = Awaited<ReturnType<typeof openScrubRoom>>

function test(name: string, run: (t: Room) => Promise<void>): void {
  for (const [store, openStore] of Object.entries(DAMAGEABLE_STORES)) {
    onEngines(`${name} (${store})`, async (openDatabase) => {
      await using t = await openScrubRoom(openStore, openDatabase)
      await run(t)
    })
  }
}

/** A registry that answers every request for a blob with these bytes, in two parts, and then fails if that is wanted. */
function createSource(bytes: Buffer, failure?: Error): RepairSource {
  return {
    async *pullBlob() {
      yield bytes.subarray(0, 2)
      yield bytes.subarray(2)
      if (failure) throw failure
    },
    pullManifest: async () => bytes,
  }
}

async function repairAll(t: Room, source: RepairSource, leastSpeed?: LeastSpeed) {
  const results = []
  for await (const result of repair({ ...t, source, ...(leastSpeed && { leastSpeed }) })) results.push(result)
  return results
}

test('the body of another registry that never ends is given up', async (t) => {
  const bytes = Buffer.from('a layer')
  const digest = await t.pushBlob(bytes)
  await t.damage(digest, bytes, 'flipped')
  await t.scrub()
  const ended = Promise.withResolvers<void>()
  const endless: RepairSource = {
    async *pullBlob() {
      try {
        for (;;) {
          yield bytes
          await new Promise((resolve) => setImmediate(resolve))
        }
      } finally {
        ended.resolve()
      }
    },
    pullManifest: async () => bytes,
  }
  const [result] = await repairAll(t, endless)
  assert.match(String(result?.error), /too many bytes/)
  await ended.promise
})

test('another registry that is too slow, or silent, is given up, and its connection ends', async (t) => {
  const bytes = Buffer.from('a layer of some bytes')
  const digest = await t.pushBlob(bytes)
  await t.damage(digest, bytes, 'flipped')
  const image = await t.pushImage('latest')
  await t.damage(image.digest, image.bytes, 'missing')
  await t.facts.replaceManifestBytes(image.digest, Buffer.alloc(image.bytes.length))
  await t.scrub()
  const ended: unknown[] = []
  const untilEnded = (signal: AbortSignal, what: string) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        ended.push(what)
        reject(new Error('ended'))
      })
    })
  const slow: RepairSource = {
    async *pullBlob(_repository, _digest, signal) {
      yield bytes.subarray(0, 5)
      yield bytes.subarray(5, 10)
      await untilEnded(signal, 'blob')
    },
    pullManifest: (_repository, _digest, signal) => untilEnded(signal, 'manifest'),
  }
  const results = await repairAll(t, slow, { bytes: 11, withinMs: 100 })
  assert.deepEqual(
    results.map(({ from, error }) => [from, String(error)]),
    results.map(() => [
      undefined,
      'Error: The other registry is too slow: it sent less than 11 bytes in 0.1 s',
    ]),
  )
  assert.equal(results.length, 2)
  assert.deepEqual(ended.sort(), ['blob', 'manifest'])
  assert.deepEqual(await t.blobs.listStale(new Date(Date.now() + 60_000), 9), [])
  const { mended } = { mended: await repairAll(t, createSource(bytes), { bytes: 1, withinMs: 5_000 }) }
  assert.ok(
    mended.some(({ from }) => from === APP),
    'one that is fast enough mends',
  )
})

test('only bytes with the digest mend a blob, whatever the other registry sends', async (t) => {
  const bytes = Buffer.from('a layer')
  const digest = await t.pushBlob(bytes)
  await t.damage(digest, bytes, 'flipped')
  await t.scrub()
  const wrong: [RepairSource, RegExp][] = [
    [createSource(Buffer.from('A layer')), /other bytes/],
    [createSource(bytes.subarray(1)), /other bytes/],
    [createSource(Buffer.concat([bytes, bytes])), /too many bytes/],
    [createSource(bytes, new Error('404 BLOB_UNKNOWN')), /404 BLOB_UNKNOWN/],
  ]
  for (const [source, message] of wrong) {
    const [result] = await repairAll(t, source)
    assert.equal(result?.from, undefined)
    assert.match(String(result?.error), message)
    await assert.rejects(t.registry.statBlob(APP, digest), { code: 'BLOB_UNKNOWN' })
  }
  assert.deepEqual(
    await t.blobs.listStale(new Date(Date.now() + 60_000), 9),
    [],
    'nothing is left of the attempts',
  )
  assert.equal((await repairAll(t, createSource(bytes)))[0]?.from, APP)
  assert.equal((await t.registry.statBlob(APP, digest)).size, bytes.length)
  assert.equal((await t.scrub()).found, 0)
  assert.deepEqual(await repairAll(t, createSource(bytes)), [])
})

test('a manifest without a good copy is fetched for the store and for all repositories', async (t) => {
  const { digest, bytes } = await t.pushImage('latest')
  await t.damage(digest, bytes, 'missing')
  await t.facts.replaceManifestBytes(digest, Buffer.alloc(bytes.length))
  await t.scrub()
  assert.match(String((await repairAll(t, createSource(Buffer.from('{}'))))[0]?.error), /other bytes/)
  assert.equal((await repairAll(t, createSource(bytes)))[0]?.from, APP)
  assert.ok(bytes.equals((await t.registry.getManifest(APP, digest)).bytes))
  assert.equal((await t.scrub()).found, 0)
})
