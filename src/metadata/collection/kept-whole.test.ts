import assert from 'node:assert/strict'
import { APP, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseTag } from '../../oci/reference.ts'
import { recordOptionalLayers } from '../migrations/006-optional-layers.ts'

const test = testOnEngines()
const V1 = parseTag('v1')
const CONFIG = '{}'
const FOREIGN = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'

/** An image whose layers are of a type that a client need not push, and some do. */
function formatForeign(layer: string): Buffer {
  const text = formatManifest({ layers: [layer] }).toString()
  return Buffer.from(text.replace('application/octet-stream', FOREIGN))
}

test('a layer that need not be pushed, but was, stays as long as its image', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'windows')
  await t.put(formatForeign('windows'), 'v1')
  await t.put(formatForeign('never pushed'), 'v2')
  t.pass(30)
  assert.deepEqual(await t.collect(), [])
  assert.ok(await t.metadata.findBlob(APP, hashContent('windows')))
  assert.equal(await t.metadata.unlinkBlob(APP, hashContent('windows')), 'in-use')
  await t.metadata.deleteTag(APP, V1)
  t.pass(30)
  assert.deepEqual(await t.collect(), [hashContent('windows'), hashContent(formatForeign('windows'))].sort())
})

test('a repository whose removal has begun can no longer be restored', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const layers = Array.from({ length: 600 }, (_, number) => `layer ${number}`)
  await t.link(CONFIG, ...layers)
  await t.put(formatManifest({ layers }), 'v1')
  await t.metadata.deleteRepository(APP)
  assert.equal((await t.metadata.listTrash(10)).length, 1)
  t.pass(15)
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  assert.equal((await t.facts.look(item, POLICY)).kind, 'continued')
  assert.equal(await t.metadata.restoreRepository(APP), 'unknown', 'some of its layers are gone')
  assert.deepEqual(await t.metadata.listTrash(10), [])
  assert.equal((await t.collect()).length, 602)
})

test('an index comes back with its images, also if they were deleted after it', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'layer')
  const child = formatManifest({ layers: ['layer'] })
  const index = formatManifest({ children: [child] })
  await t.put(child)
  await t.put(index, 'v1')
  await t.metadata.deleteManifest(APP, hashContent(index))
  await t.metadata.deleteManifest(APP, hashContent(child))
  assert.equal(await t.metadata.restoreManifest(APP, hashContent(index)), true)
  assert.ok(await t.metadata.findManifest(APP, hashContent(child)), 'the index names it')
  t.pass(30)
  assert.deepEqual(await t.collect(), [])
  assert.equal((await t.metadata.findManifest(APP, V1))?.digest, hashContent(index))
})

test('the trash keeps the images of an index that is in it, and frees both', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'layer')
  const child = formatManifest({ layers: ['layer'] })
  const index = formatManifest({ children: [child] })
  await t.put(child)
  await t.put(index, 'v1')
  await t.metadata.deleteManifest(APP, hashContent(index))
  await t.metadata.deleteManifest(APP, hashContent(child))
  const key = { kind: 'trashed', digest: hashContent(child) } as const
  await t.metadata.emptyTrash()
  const item = (await t.facts.listDue(POLICY, 10)).find(
    ({ kind, digest }) => kind === key.kind && digest === key.digest,
  )
  assert.ok(item)
  // A collection that ends here leaves the index.
  assert.equal((await t.facts.look(item, POLICY)).kind, 'kept')
  assert.equal(await t.metadata.restoreManifest(APP, hashContent(index)), true)
  assert.ok(await t.metadata.findManifest(APP, hashContent(child)))
  await t.metadata.deleteManifest(APP, hashContent(index))
  await t.metadata.deleteManifest(APP, hashContent(child))
  t.pass(30)
  assert.equal((await t.collect()).length, 4)
})

test('a blob with the digest of an image that an index names goes in the end', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const child = formatManifest()
  const index = formatManifest({ children: [child] })
  await t.link(CONFIG, child.toString())
  await t.put(child)
  await t.put(index, 'v1')
  t.pass(1)
  await t.collect()
  await t.metadata.deleteTag(APP, V1)
  t.pass(15)
  assert.deepEqual(await t.collect(), [hashContent(CONFIG), hashContent(child), hashContent(index)].sort())
})

test('a database of an older version keeps layers that need not be pushed, too', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'windows')
  await t.put(formatForeign('windows'), 'v1')
  await t.database.transaction(async (tx) => {
    await tx.deleteFrom('manifest_references').where('digest', '=', hashContent('windows')).execute()
    await recordOptionalLayers(tx)
    await recordOptionalLayers(tx)
  })
  t.pass(1)
  assert.deepEqual(await t.collect(), [])
  assert.ok(await t.metadata.findBlob(APP, hashContent('windows')))
})

test('a repository of manifests with many references is removed in small pieces', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const layers = Array.from({ length: 1_500 }, (_, number) => `layer ${number}`)
  const bytes = formatManifest({ layers })
  for (const note of ['1', '2', '3']) {
    const image = formatManifest({ layers, annotations: { note } })
    const record = { repository: APP, digest: hashContent(image), manifest: parseManifest(bytes, undefined) }
    await t.metadata.putManifest({ ...record, bytes: image, tags: [], isSparseAllowed: true })
  }
  await t.metadata.deleteRepository(APP)
  t.pass(15)
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  let left = 3 * 1_501
  while ((await t.facts.look(item, POLICY)).kind === 'continued') {
    const { count } = await t.database.read
      .selectFrom('manifest_references')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    assert.ok(left - Number(count) <= 2_500, `${left - Number(count)} at once`)
    left = Number(count)
  }
  assert.deepEqual(await t.metadata.listTrash(1), [])
})
