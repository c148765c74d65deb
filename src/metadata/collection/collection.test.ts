import assert from 'node:assert/strict'
import { APP, DAY, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { BlobMark } from '../collection-facts.ts'
import { createSizeFacts } from '../sizes/create-size-facts.ts'
import { createSqlMetadata } from '../sql-metadata.ts'
import { createCollectionFacts } from './create-collection-facts.ts'

const test = testOnEngines()
const OTHER = parseRepositoryName('alice/other')
const V1 = parseTag('v1')
const CONFIG = '{}'

function digests(...contents: (string | Buffer)[]): Digest[] {
  return contents.map((content) => hashContent(content)).sort()
}

test('no fact can name a blob whose bytes are being removed', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const image = formatManifest({ layers: ['layer'] })
  await t.link(CONFIG, 'layer')
  await t.put(image)
  await t.metadata.deleteRepository(APP)
  await t.metadata.emptyTrash()
  const marks = new Map<Digest, BlobMark>()
  for (const item of await t.facts.listDue(POLICY, 10)) {
    while ((await t.facts.look(item, POLICY)).kind === 'continued');
  }
  for (const item of await t.facts.listDue(POLICY, 10)) {
    const outcome = await t.facts.look(item, POLICY)
    if (outcome.kind === 'marked') marks.set(outcome.digest, outcome)
  }
  const forget = async (digest: Digest) => t.facts.forgetBlob(marks.get(digest) as BlobMark)
  assert.deepEqual([...marks.keys()].sort(), digests(CONFIG, 'layer', image))
  const layer = hashContent('layer')
  assert.equal(await t.metadata.claimBlob(layer), 'removing')
  assert.equal(await t.metadata.linkBlob({ repository: APP, digest: layer, size: 5 }), false)
  assert.equal(await t.metadata.findBlob(APP, layer), undefined)
  await forget(layer)
  await forget(hashContent(CONFIG))
  assert.equal(await t.metadata.claimBlob(layer), 'claimed')
  await t.link(CONFIG, 'layer')
  const refused = await t.put(image, 'v1')
  assert.deepEqual([refused.isRemoved, refused.missing], [true, []])
  assert.equal(await t.metadata.findManifest(APP, V1), undefined)
  await forget(refused.digest)
  assert.equal((await t.put(image, 'v1')).isRemoved, false)
  assert.equal((await t.metadata.findManifest(APP, V1))?.digest, refused.digest)
})

test('a claim and a mark exclude each other, and a mark passes on once its process has ended', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  await t.metadata.unlinkBlob(APP, hashContent('layer'))
  await t.metadata.claimBlob(hashContent('layer'))
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  assert.equal((await t.facts.look(item, POLICY)).kind, 'postponed')
  t.pass(1)
  assert.equal((await t.facts.look(item, POLICY)).kind, 'marked')
  assert.equal((await t.facts.look(item, POLICY)).kind, 'postponed', 'another process removes it')
  t.pass(1)
  assert.equal((await t.facts.look(item, POLICY)).kind, 'marked', 'it has ended')
})

test('the mark of a removal that failed is ended, and no mark of another process', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  const layer = hashContent('layer')
  await t.metadata.unlinkBlob(APP, layer)
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  t.pass(1)
  const first = await t.facts.look(item, POLICY)
  assert.ok(first.kind === 'marked')
  await t.facts.releaseBlob(first)
  t.pass(0.001)
  const second = await t.facts.look(item, POLICY)
  assert.ok(second.kind === 'marked')
  await t.facts.releaseBlob(first)
  assert.equal(await t.metadata.claimBlob(layer), 'removing')
  await t.facts.releaseBlob(second)
  assert.equal(await t.metadata.claimBlob(layer), 'claimed')
})

test('an image goes with its layers two weeks after its last use; a shared layer stays', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'shared', 'first', 'second')
  const [first, second] = ['first', 'second'].map((own) => formatManifest({ layers: ['shared', own] }))
  assert.ok(first && second)
  await t.put(first, 'v1')
  await t.put(second, 'v1')
  t.pass(13)
  assert.deepEqual(await t.collect(), [])
  await t.metadata.recordPulls([{ repository: APP, digest: hashContent(first) }])
  t.pass(13)
  assert.deepEqual(await t.collect(), [])
  t.pass(2)
  assert.deepEqual(await t.collect(), digests('first', first))
  assert.equal((await t.metadata.findManifest(APP, V1))?.digest, hashContent(second))
  assert.ok(await t.metadata.findBlob(APP, hashContent('shared')))
})

test('images of an index stay with it, referrers go with their subject', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG)
  const child = formatManifest()
  const index = formatManifest({ children: [child] })
  const signature = formatManifest({ subject: index, artifactType: 'test/signature' })
  for (const bytes of [child, signature]) await t.put(bytes)
  await t.put(index, 'v1')
  t.pass(30)
  assert.deepEqual(await t.collect(), [])
  await t.metadata.deleteManifest(APP, hashContent(index))
  t.pass(13)
  assert.deepEqual(await t.collect(), [])
  assert.equal(await t.metadata.restoreManifest(APP, hashContent(index)), true)
  assert.equal((await t.metadata.findManifest(APP, V1))?.digest, hashContent(index))
  await t.metadata.deleteTag(APP, V1)
  t.pass(15)
  assert.deepEqual(await t.collect(), digests(CONFIG, child, index, signature))
  assert.deepEqual(await createSizeFacts(t.database).rankRepositories({ order: 'name', limit: 10 }), [])
})

test('a layer that a push has linked, mounted or looked for is kept for an hour', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  t.pass(0.03)
  assert.deepEqual(await t.metadata.relyOnBlob(APP, hashContent('layer')), { size: 5 })
  assert.equal(await t.metadata.relyOnBlob(APP, hashContent('other')), undefined)
  t.pass(0.03)
  assert.deepEqual(await t.collect({ ...POLICY, keepMs: 0 }), [])
  t.pass(0.03)
  assert.deepEqual(await t.collect({ ...POLICY, keepMs: 0 }), digests('layer'))
})

test('the trash keeps bytes that a client has deleted as a blob, too', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, 'layer')
  const image = formatManifest({ layers: ['layer'] })
  await t.put(image, 'v1')
  await t.metadata.deleteManifest(APP, hashContent(image), 'alice')
  assert.equal(await t.metadata.unlinkBlob(APP, hashContent('layer')), 'removed')
  t.pass(1)
  assert.deepEqual(await t.collect(), [])
  const [trashed] = await t.metadata.listTrash(10)
  assert.deepEqual([trashed?.digest, trashed?.by, trashed?.tags], [hashContent(image), 'alice', ['v1']])
  assert.deepEqual(await t.metadata.restoreTag({ repository: APP, tag: V1 }), { digest: hashContent(image) })
  assert.equal((await t.metadata.findBlob(APP, hashContent('layer')))?.size, 5)
  const periods = await t.metadata.listTagPeriods(APP, { tag: V1, limit: 10 })
  assert.deepEqual(
    periods?.map(({ end }) => end?.how),
    [undefined, 'manifest-deleted'],
  )
})

test('a tag goes back to any manifest of its history that is kept', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG)
  const images = ['1', '2', '3'].map((note) => formatManifest({ annotations: { note } }))
  for (const bytes of images) {
    await t.put(bytes, 'v1')
    t.pass(1)
  }
  const [first, second] = images.map((bytes) => hashContent(bytes))
  assert.deepEqual(await t.metadata.restoreTag({ repository: APP, tag: V1 }), { digest: second })
  assert.deepEqual(await t.metadata.restoreTag({ repository: APP, tag: V1, digest: first }), {
    digest: first,
  })
  assert.equal(await t.metadata.restoreTag({ repository: APP, tag: parseTag('v2') }), 'unknown')
  assert.equal(await t.metadata.restoreTag({ repository: OTHER, tag: V1 }), 'unknown')
})

test('a deleted repository comes back under its name or another, and makes room for a new one', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG)
  const image = formatManifest()
  await t.put(image, 'v1')
  assert.equal(await t.metadata.deleteRepository(APP, 'alice'), true)
  assert.equal(await t.metadata.findManifest(APP, V1), undefined)
  assert.equal(await t.metadata.findHolder(hashContent(CONFIG), 'all'), undefined)
  await t.link('new')
  assert.equal(await t.metadata.restoreRepository(APP), 'taken')
  assert.equal(await t.metadata.restoreRepository(APP, { newName: OTHER }), 'restored')
  assert.equal(await t.metadata.restoreRepository(APP), 'unknown')
  assert.equal((await t.metadata.findManifest(OTHER, V1))?.digest, hashContent(image))
  await t.metadata.deleteRepository(OTHER)
  t.pass(15)
  assert.deepEqual(await t.collect(), digests(CONFIG, image, 'new'))
})

test('a blob of the store without a row is queued, and stays if a push names it meanwhile', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('known')
  const all = digests('known', 'left', 'pushed')
  assert.equal(await t.facts.queueUnknown(all, DAY), 2)
  assert.equal(await t.facts.queueUnknown(all, DAY), 0)
  t.pass(0.9)
  await t.link('pushed')
  assert.equal((await t.metadata.findBlob(APP, hashContent('pushed')))?.size, 6)
  t.pass(0.2)
  assert.deepEqual(await t.collect({ ...POLICY, relyMs: 2 * DAY }), digests('left'))
})

test('a preview says what a look would do, and changes nothing', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link('layer')
  t.pass(1)
  const [item] = await t.facts.listDue(POLICY, 1)
  assert.ok(item)
  assert.deepEqual([item.kind, item.repository, item.reason], ['link', APP, 'unnamed'])
  assert.deepEqual(await t.facts.preview([item], POLICY), [{ item, kept: undefined, bytes: 5 }])
  assert.ok(await t.metadata.findBlob(APP, hashContent('layer')))
  const [first] = await t.facts.findFirstDue(POLICY)
  assert.deepEqual([first?.kind, first?.firstDue], ['link', new Date(item.since.getTime() + POLICY.relyMs)])
  assert.deepEqual([await t.facts.countDue(POLICY, 0), await t.facts.countDue(POLICY, DAY)], [1, 0])
  const totals = await t.facts.countQueue(POLICY)
  assert.deepEqual(
    totals.filter(({ count }) => count > 0).map(({ kind, count }) => [kind, count]),
    [['link', 1]],
  )
})

test('a repository of many manifests is removed piece by piece, each in a transaction of its own', async (openDatabase) => {
  await using temporary = await openDatabase()
  const { database } = temporary
  const counts = { 'alice/large': 1_001, 'alice/other': 1 }
  await database.transaction(async (tx) => {
    for (const [name, count] of Object.entries(counts)) {
      const { id } = await tx
        .insertInto('repositories')
        .values({ name, created_at: 0 })
        .returning('id')
        .executeTakeFirstOrThrow()
      const rows = Array.from({ length: count }, (_, number) => ({
        ...{ repository_id: id, digest: `sha256:${number}`, media_type: 'a/b', size: 0 },
        ...{ bytes: Buffer.alloc(0), created_at: 0 },
      }))
      await tx.insertInto('manifests').values(rows).execute()
    }
  })
  const metadata = createSqlMetadata(database)
  assert.equal(await metadata.deleteRepository(parseRepositoryName('alice/large')), true)
  await metadata.emptyTrash()
  const facts = createCollectionFacts(database)
  const [item] = await facts.listDue(POLICY, 1)
  assert.ok(item)
  let pieces = 0
  while ((await facts.look(item, POLICY)).kind === 'continued') pieces++
  assert.ok(pieces > 10, `${pieces} pieces`)
  const left = await database.read.selectFrom('manifests').select('digest').execute()
  assert.deepEqual(
    left.map(({ digest }) => digest),
    ['sha256:0'],
  )
})

test('a tag goes back to the manifest before the present one, also after the clock was set back', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  await t.link(CONFIG, '1', '2', '3')
  await t.put(formatManifest({ layers: ['1'] }), 'v1')
  const { digest } = await t.put(formatManifest({ layers: ['2'] }), 'v1')
  t.pass(-1)
  await t.put(formatManifest({ layers: ['3'] }), 'v1')
  const periods = await t.metadata.listTagPeriods(APP, { tag: V1, limit: 3 })
  assert.equal(periods?.[1]?.digest, digest)
  assert.deepEqual(await t.metadata.restoreTag({ repository: APP, tag: V1 }), { digest })
})

test('a preview has the bytes that a collection frees, those shared by entries once', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const texts = [CONFIG, 'shared by both', 'of one', 'kept by a tag', 'unnamed']
  await t.link(...texts)
  const child = formatManifest({ layers: ['shared by both', 'kept by a tag'] })
  const index = formatManifest({ children: [child] })
  const other = formatManifest({ layers: ['shared by both', 'of one'] })
  const signature = formatManifest({ subject: index, artifactType: 'test/signature' })
  const tagged = formatManifest({ layers: ['kept by a tag'] })
  for (const bytes of [child, index, other, signature]) await t.put(bytes)
  await t.put(tagged, 'v1')
  const trashed = formatManifest({ layers: ['of one'] })
  await t.put(trashed)
  await t.metadata.deleteManifest(APP, hashContent(trashed))
  t.pass(15)
  const previewed = await t.facts.preview(await t.facts.listDue(POLICY, 100), POLICY)
  const sizes = new Map(
    [child, index, other, signature, trashed].map((one) => [hashContent(one), one.length]),
  )
  for (const text of texts) sizes.set(hashContent(text), text.length)
  assert.ok(
    previewed.every(({ item, kept }) => kept === undefined || item.digest !== hashContent(index)),
    'the index goes',
  )
  const expected = previewed.reduce((sum, { bytes }) => sum + bytes, 0)
  const collected = await t.collect()
  assert.ok(collected.includes(hashContent(index)) && !collected.includes(hashContent('kept by a tag')))
  const freed = collected.reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0)
  // The layer that an image in the trash shares counts with neither.
  assert.equal(expected, freed - 'of one'.length)
})
