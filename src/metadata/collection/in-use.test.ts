import assert from 'node:assert/strict'
import { APP, DAY, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { RUNNING_KEPT_MS } from '../in-use-facts.ts'

const test = testOnEngines()
const V1 = parseTag('v1')
const ENGINE = { id: 'engine-1', host: 'one.example' }
const NOW = { keepMs: 0, relyMs: 0 }
const DENIED = { name: 'OciError', code: 'DENIED', status: 403 }

/** A room in which images have a config and a layer each. */
async function open(openDatabase: OpenDatabase) {
  const room = await openCollectionRoom(openDatabase)
  const { metadata } = room
  return {
    ...room,
    /** Pushes an image of its own layer. */
    async pushImage(text: string, tag?: string): Promise<Digest> {
      await room.link('config', text)
      const describeText = (content: string) => ({
        mediaType: 'a/b',
        digest: hashContent(content),
        size: content.length,
      })
      const mediaType = 'application/vnd.oci.image.manifest.v1+json'
      const bytes = Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType,
          config: describeText('config'),
          layers: [describeText(text)],
        }),
      )
      return (await room.put(bytes, tag)).digest
    },
    async pushIndex(children: readonly Digest[], tag?: string): Promise<Digest> {
      const manifests: object[] = []
      for (const digest of children) {
        const size = (await metadata.findManifest(APP, digest))?.size
        manifests.push({ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size })
      }
      const mediaType = 'application/vnd.oci.image.index.v1+json'
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }))
      return (await room.put(bytes, tag)).digest
    },
    isStored: async (digest: Digest) => (await metadata.findManifest(APP, digest)) !== undefined,
    hasBlob: async (text: string) => (await metadata.findBlob(APP, hashContent(text))) !== undefined,
    run: (digests: readonly Digest[]) =>
      metadata.recordRunning(
        ENGINE,
        digests.map((digest) => ({ repository: APP, digest, containers: 'web' })),
      ),
  }
}

test('a pinned manifest is not collected, with all that it needs, until it is unpinned', async (openDatabase) => {
  await using t = await open(openDatabase)
  const child = await t.pushImage('layer')
  const index = await t.pushIndex([child], 'v1')
  const pin = await t.metadata.pin({ repository: APP, reference: V1, reason: 'the contract' }, 'alice')
  assert.deepEqual([pin?.digest, pin?.tag, pin?.by], [index, V1, 'alice'])
  await t.pushImage('other', 'v1')
  t.pass(100)
  await t.collect(NOW)
  assert.deepEqual(
    [await t.isStored(index), await t.isStored(child), await t.hasBlob('layer')],
    [true, true, true],
  )
  assert.deepEqual(await t.facts.listInUse(10), [
    { repository: APP, digest: index, why: 'pinned: the contract' },
  ])
  assert.deepEqual(await t.metadata.unpin(APP, V1), [index])
  t.pass(15)
  const removed = await t.collect()
  assert.ok(removed.includes(index) && removed.includes(child) && removed.includes(hashContent('layer')))
  assert.equal(await t.isStored(index), false)
})

test('a pin by a tag keeps the manifest of that moment; unpinning by the tag ends all that the tag pinned', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.pushImage('one', 'v1')
  await t.metadata.pin({ repository: APP, reference: V1 })
  const two = await t.pushImage('two', 'v1')
  const three = await t.pushImage('three')
  await t.metadata.pin({ repository: APP, reference: two, reason: 'by digest' })
  await t.metadata.pin({ repository: APP, reference: three })
  const pins = await t.metadata.listPins({ repository: APP, limit: 10 })
  assert.deepEqual(
    new Map(pins.map(({ digest, tag }) => [digest, tag])),
    new Map([
      [one, V1],
      [two, undefined],
      [three, undefined],
    ]),
  )
  assert.deepEqual((await t.metadata.unpin(APP, V1)).toSorted(), [one, two].toSorted())
  assert.deepEqual(await t.metadata.unpin(APP, V1), [])
  assert.deepEqual(
    (await t.metadata.listPins({ limit: 10 })).map(({ digest }) => digest),
    [three],
  )
  assert.equal(await t.metadata.pin({ repository: APP, reference: parseTag('absent') }), undefined)
  assert.equal(await t.metadata.pin({ repository: APP, reference: hashContent('absent') }), undefined)
})

test('a pinned manifest, its tags and its repository are not deleted; its tags may move', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one', 'v1')
  await t.metadata.pin({ repository: APP, reference: digest, reason: 'in use' })
  await assert.rejects(t.metadata.deleteManifest(APP, digest), {
    ...DENIED,
    message: /^The manifest sha256:\w+ of alice\/app is pinned: in use\. /,
    remedy: `"berth tag unpin alice/app ${digest}" unpins it`,
  })
  await assert.rejects(t.metadata.deleteTag(APP, V1), {
    ...DENIED,
    message: /^The tag v1 of alice\/app points at/,
  })
  await assert.rejects(t.metadata.deleteRepository(APP), {
    ...DENIED,
    message: /^alice\/app has a pinned manifest \(sha256/,
  })
  await t.pushImage('two', 'v1')
  assert.equal(await t.metadata.deleteTag(APP, V1), true)
  assert.equal(await t.isStored(digest), true)
  await t.metadata.unpin(APP, digest)
  assert.equal(await t.metadata.deleteManifest(APP, digest), 'removed')
  assert.equal(await t.metadata.deleteRepository(APP), true)
})

test('no query can remove the row of a pinned manifest', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one', 'v1')
  await t.metadata.pin({ repository: APP, reference: digest })
  await assert.rejects(t.database.transaction((tx) => tx.deleteFrom('manifests').execute()))
  assert.equal(await t.isStored(digest), true)
})

test('an image that runs is not collected, and goes once no container has it', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one')
  await t.run([digest])
  t.pass(1)
  const item = { kind: 'manifest' as const, repositoryId: 1, digest }
  const [kept] = await t.facts.judge([item], NOW)
  assert.deepEqual([kept?.kind, kept?.why], ['postponed', 'runs in web on one.example'])
  await t.collect(NOW)
  assert.equal(await t.isStored(digest), true)
  assert.deepEqual(await t.facts.listInUse(10), [
    { repository: APP, digest, why: 'runs in web on one.example' },
  ])
  await t.run([])
  await t.collect(NOW)
  assert.equal(await t.isStored(digest), false, 'it is not looked at again before a day has passed')
})

test('an engine that is gone for good keeps its images for some days only', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one')
  await t.run([digest])
  t.pass(RUNNING_KEPT_MS / DAY - 0.1)
  await t.collect(NOW)
  assert.equal(await t.isStored(digest), true)
  assert.equal((await t.metadata.listRunning(10)).length, 1)
  t.pass(1)
  await t.collect(NOW)
  assert.equal(await t.isStored(digest), false)
  assert.deepEqual(await t.metadata.listRunning(10), [])
  await t.metadata.recordRunning({ id: 'engine-2', host: 'two' }, [])
  const rows = await t.database.read.selectFrom('running_images').selectAll().execute()
  assert.deepEqual(rows, [], 'rows of the dead engine are removed by those who write')
})

test('a deleted image, and one of a deleted repository, stay in the trash while they run', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one', 'v1')
  await t.run([digest])
  assert.equal(await t.metadata.deleteManifest(APP, digest), 'removed')
  await t.metadata.emptyTrash()
  await t.collect(NOW)
  assert.equal(await t.metadata.restoreManifest(APP, digest), true)
  assert.equal(await t.metadata.deleteRepository(APP), true)
  await t.metadata.emptyTrash()
  await t.collect(NOW)
  assert.equal(await t.metadata.restoreRepository(APP), 'restored')
  assert.equal(await t.isStored(digest), true)
  await t.metadata.deleteRepository(APP)
  await t.metadata.emptyTrash()
  await t.run([])
  assert.ok((await t.collect(NOW)).includes(digest))
  assert.equal(await t.metadata.restoreRepository(APP), 'unknown')
})

test('engines do not overwrite each other, and many images are recorded in parts', async (openDatabase) => {
  await using t = await open(openDatabase)
  const images = Array.from({ length: 1_203 }, (_, index) => ({
    repository: APP,
    digest: hashContent(String(index)),
    containers: 'web',
  }))
  await t.metadata.recordRunning(ENGINE, images)
  await t.metadata.recordRunning({ id: 'engine-2', host: 'two' }, images.slice(0, 1))
  await t.metadata.recordRunning(ENGINE, images.slice(0, 2))
  const running = await t.metadata.listRunning(10)
  assert.deepEqual(running.map(({ host }) => host).toSorted(), ['one.example', 'one.example', 'two'])
  const inUse = await t.metadata.describeInUse(
    APP,
    images.slice(0, 3).map(({ digest }) => digest),
  )
  assert.equal(inUse.size, 0, 'there is no such repository yet')
})

test('content in use is kept by the days of the settings, too', async (openDatabase) => {
  await using t = await open(openDatabase)
  const digest = await t.pushImage('one', 'v1')
  await t.pushImage('two', 'v1')
  t.pass(20)
  await t.run([digest])
  await t.collect(POLICY)
  assert.equal(await t.isStored(digest), true)
  await t.run([])
  t.pass(13.9)
  await t.collect(POLICY)
  assert.equal(await t.isStored(digest), true, 'an image counts as used until its container has ended')
  t.pass(0.2)
  await t.collect(POLICY)
  assert.equal(await t.isStored(digest), false)
})

test('the trash says which of its content containers run: an image, or a whole repository', async (openDatabase) => {
  await using t = await open(openDatabase)
  const one = await t.pushImage('one', 'v1')
  const two = await t.pushImage('two', 'v2')
  const listUses = async () => (await t.metadata.listTrash(9)).map(({ digest, inUse }) => [digest, inUse])
  await t.metadata.deleteManifest(APP, one)
  assert.deepEqual(await listUses(), [[one, undefined]])
  await t.run([one])
  assert.deepEqual(await listUses(), [[one, 'runs in web on one.example']])
  await t.metadata.deleteRepository(APP)
  assert.deepEqual(await listUses(), [[undefined, undefined]])
  await t.run([two])
  assert.deepEqual(await listUses(), [[undefined, 'runs in web on one.example']])
})
