import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { after, before, describe, test } from 'node:test'
import { hashContent } from '../../src/oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../../src/oci/manifest.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { EMPTY_JSON, RegistryUnderTest, toImage } from './registry-under-test.ts'

/** Pushes of one account at once. */
const AT_ONCE = 3

/** Time for which the thread that serves would be blocked if it read this manifest itself, in ms. */
function measureReading(bytes: Buffer): number {
  const begin = performance.now()
  parseManifest(bytes, undefined)
  return performance.now() - begin
}

/**
 * Fails if nothing else was served for half as long as reading this document takes, which is measured in the same run:
 * before and after, as the machine may be busy with something else at either time.
 */
async function assertNoStall(document: object, work: () => Promise<unknown>): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(document))
  const before = measureReading(bytes)
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  delay.disable()
  const stall = delay.max / 1e6
  const reference = Math.max(before, measureReading(bytes))
  assert.ok(stall < reference / 2, `stalled for ${stall} ms, reading it takes ${reference} ms`)
}

/** Processor time that this thread spent on some work, in microseconds: other programs do not count. */
async function measureOwnTime(work: () => unknown): Promise<number> {
  const before = process.threadCpuUsage()
  await work()
  const { user, system } = process.threadCpuUsage(before)
  return user + system
}

const annotations = Object.fromEntries(
  Array.from({ length: 80_000 }, (_, index) => [`key ${index}`, `v${index}`]),
)

describe('large manifests of one account', () => {
  let registry: RegistryUnderTest
  const subject = toImage([])

  before(async () => {
    registry = await RegistryUnderTest.start({ 'sparse-manifests': 'true' })
    await registry.pushBlob('alice', 'alice/app', EMPTY_JSON)
    await registry.pushManifest('alice', 'alice/app', { document: subject, reference: 'subject' })
  })
  after(() => registry[Symbol.asyncDispose]())

  const push = async (document: object, reference: string): Promise<string> => {
    const body = JSON.stringify(document)
    assert.ok(body.length < MAX_MANIFEST_BYTES)
    const reply = await registry.send('alice', 'PUT', `/v2/alice/app/manifests/${reference}`, {
      body,
      headers: { 'content-type': String((document as { mediaType: string }).mediaType) },
    })
    assert.equal(reply.status, 201, reply.text.slice(0, 300))
    return body
  }

  test('hold nobody up while they are read and stored', async () => {
    await push(toImage([], { annotations: { a: 'x'.repeat(100_000) } }), 'warm-up')
    const documents = [
      toImage([], { annotations }),
      toImage(Array.from({ length: 20_000 }, (_, index) => `layer ${index}`)),
    ]
    for (const document of documents) {
      // The first one: reading it takes longest.
      await assertNoStall(documents[0] ?? {}, () =>
        Promise.all(Array.from({ length: AT_ONCE }, (_, index) => push(document, `large-${index}`))),
      )
    }
  })

  test('hold nobody up while they are deleted', async () => {
    const document = toImage(Array.from({ length: 20_000 }, (_, index) => `layer ${index}`))
    await push(document, 'deleted')
    const head = await registry.send('alice', 'HEAD', '/v2/alice/app/manifests/deleted')
    const path = `/v2/alice/app/manifests/${head.headers['docker-content-digest']}`
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const begin = performance.now()
    assert.equal((await registry.send('alice', 'DELETE', path)).status, 202)
    const elapsed = performance.now() - begin
    delay.disable()
    assert.ok(delay.max / 1e6 < 0.75 * elapsed, `stalled for ${delay.max / 1e6} of ${elapsed} ms`)
    assert.equal((await registry.send('alice', 'GET', path)).status, 404)
    assert.equal((await registry.send('alice', 'GET', '/v2/alice/app/manifests/deleted')).status, 404)
  })

  test('are stored as they came, with what they name, and refused as small ones are', async () => {
    const layers = Array.from({ length: 2_000 }, (_, index) => `layer ${index}`)
    const body = await push(toImage(layers, { annotations: { note: 'n' } }), 'whole')
    const pulled = await registry.send('alice', 'GET', '/v2/alice/app/manifests/whole')
    assert.equal(pulled.text, body)
    const refused = await registry.send('alice', 'PUT', '/v2/alice/app/manifests/x', {
      body: `{"schemaVersion":2,"schemaVersion":2}${' '.repeat(40_000)}`,
    })
    assert.deepEqual([refused.status, refused.code], [400, 'MANIFEST_INVALID'])
    assert.match(refused.text, /stands twice in one object/)
    await using strict = await RegistryUnderTest.start()
    await strict.pushBlob('alice', 'alice/app', EMPTY_JSON)
    const absent = await strict.send('alice', 'PUT', '/v2/alice/app/manifests/x', {
      body,
      headers: { 'content-type': MEDIA_TYPES.ociManifest },
    })
    assert.deepEqual([absent.status, absent.code], [404, 'MANIFEST_BLOB_UNKNOWN'])
    assert.match(absent.text, /not in the repository \(2000\)/)
  })

  test('hold nobody up in the list of referrers, their own nor those of an older client', async () => {
    const target = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: hashContent(JSON.stringify(subject)),
      size: 1,
    }
    const size = Buffer.byteLength(JSON.stringify(subject))
    await push(toImage([], { subject: { ...target, size }, annotations }), 'referrer')
    const listed = Array.from({ length: 10_000 }, (_, index) => ({
      ...target,
      digest: hashContent(`referrer ${index}`),
      annotations: { a: `${index}`, b: 'b', c: 'c', d: 'd', e: 'e', f: 'f' },
    }))
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: listed }
    await push(index, target.digest.replace(':', '-'))
    const list = () => registry.send('alice', 'GET', `/v2/alice/app/referrers/${target.digest}`)
    const { text } = await list()
    const bytes = Buffer.from(JSON.stringify(index))
    const reading = await measureOwnTime(() => measureReading(bytes))
    const serving = await measureOwnTime(() => Promise.all(Array.from({ length: AT_ONCE }, list)))
    assert.ok(serving < (AT_ONCE * reading) / 2, `${serving} us, reading it once takes ${reading} us`)
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations?: object }[] }
    const digests = manifests.map(({ digest }) => digest)
    assert.deepEqual(digests, digests.toSorted())
    assert.ok(manifests.every((entry) => entry.annotations))
  })
})
