import assert from 'node:assert/strict'
import { APP, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { recountAll } from '../../../test/support/database/recounted-sizes.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createAdoptFacts } from '../adopt/create-adopt-facts.ts'
import type { AdoptedRepository } from '../adopt-facts.ts'
import { createScrubFacts } from '../scrub/create-scrub-facts.ts'
import { createSizeFacts } from './create-size-facts.ts'

const test = testOnEngines()
const OTHER = parseRepositoryName('bob/app')
const THIRD = parseRepositoryName('carol/app')
/** Blobs of one statement. */
const LAYERS = Array.from({ length: 20 }, (_, at) => `layer ${'x'.repeat(at)}`)
const ALL = { limit: 100, last: undefined }

async function openRoom(openDatabase: OpenDatabase) {
  const t = await openCollectionRoom(openDatabase)
  const sizes = createSizeFacts(t.database)
  return {
    ...t,
    sizes,
    adopt: createAdoptFacts(t.database, t.clock),
    scrub: createScrubFacts(t.database, t.clock),
    /** Compares the kept sizes with a recount, before the changes are folded and after that. */
    async check(after: string) {
      const expected = (await recountAll(t.database)).repositories
      for (const when of [after, `${after}, folded`]) {
        const kept = await sizes.rankRepositories({ order: 'size', limit: 100 })
        assert.deepEqual(
          new Map(kept.map(({ name, bytes, uniqueBytes }) => [name, { bytes, uniqueBytes }])),
          new Map(kept.map(({ name }) => [name, expected.get(name)])),
          when,
        )
        assert.equal(kept.length, expected.size, when)
        while ((await sizes.foldSizes(7)) > 0);
      }
      return expected
    },
  }
}

/** A repository of two images with the layers of all others, and one that is its own. */
function makeAdopted(name: string): AdoptedRepository {
  const at = Date.UTC(2029, 0, 1)
  const texts = ['{}', ...LAYERS, name]
  const images = [formatManifest({ layers: LAYERS }), formatManifest({ layers: [...LAYERS, name] })]
  return {
    name: parseRepositoryName(name),
    isWhole: true,
    blobs: texts.map((text) => ({ digest: hashContent(text), size: text.length, at })),
    manifests: images.map((bytes) => ({
      digest: hashContent(bytes),
      bytes,
      manifest: parseManifest(bytes, undefined),
      at,
    })),
    tags: images.map((bytes, index) => ({ name: parseTag(`v${index}`), digest: hashContent(bytes), at })),
  }
}

test('sizes are those of a recount after folders were taken over, many rows at once', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  const options = { isSparseAllowed: false, by: 'admin' }
  await t.adopt.adoptRepositories([makeAdopted(APP), makeAdopted(OTHER)], options)
  await t.check('two repositories in one transaction')
  const third = makeAdopted(THIRD)
  await t.adopt.adoptRepositories([{ ...third, manifests: [], tags: [], isWhole: false }], options)
  await t.check('the blobs of a large one')
  await t.adopt.adoptManifests(third.name, third.manifests, {
    takesIncomplete: false,
    isSparseAllowed: false,
  })
  const sizes = await t.check('its manifests')
  assert.equal(sizes.size, 3)
  for (const size of sizes.values()) assert.ok(size.uniqueBytes > 0 && size.uniqueBytes < size.bytes)
})

test('sizes are those of a recount while repositories are deleted, restored and collected', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  const options = { isSparseAllowed: false, by: 'admin' }
  await t.adopt.adoptRepositories([APP, OTHER, THIRD].map(makeAdopted), options)
  const image = hashContent(formatManifest({ layers: LAYERS }))
  await t.metadata.deleteManifest(APP, image)
  await t.check('an image was deleted')
  await t.metadata.deleteRepository(APP)
  await t.metadata.deleteRepository(OTHER)
  await t.check('two repositories were deleted')
  await t.metadata.restoreRepository(APP)
  await t.check('one was restored')
  t.pass(15)
  const removed: Digest[] = []
  for (let step = 0; ; step++) {
    const [item] = await t.facts.listDue(POLICY, 1)
    if (!item) break
    const outcome = await t.facts.look(item, POLICY)
    if (outcome.kind === 'marked') {
      removed.push(outcome.digest)
      await t.facts.forgetBlob(outcome)
    }
    await t.check(`step ${step} of collection`)
  }
  assert.ok(removed.includes(hashContent(OTHER)) && !removed.includes(hashContent('layer ')))
  assert.equal((await t.check('the end')).size, 2)
})

test('repositories are listed with their totals, whether or not they hold a manifest', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  const large = 5_000_000_000
  await t.metadata.linkBlob({ repository: OTHER, digest: hashContent('{}'), size: 2 })
  await t.metadata.linkBlob({ repository: APP, digest: hashContent('large'), size: large })
  await t.link('{}')
  const image = formatManifest()
  await t.putAll(image, [parseTag('v1'), parseTag('v2')])
  const [app, other, ...more] = await t.sizes.rankRepositories({ order: 'size', limit: 10 })
  const now = new Date(t.clock())
  assert.deepEqual(
    [
      app?.name,
      app?.tagCount,
      app?.manifestCount,
      app?.bytes,
      app?.uniqueBytes,
      app?.pushedAt,
      app?.createdAt,
    ],
    [APP, 2, 1, large + 2 + image.length, large + image.length, now, now],
  )
  assert.deepEqual(
    [other?.name, other?.tagCount, other?.manifestCount, other?.bytes, other?.pushedAt],
    [OTHER, 0, 0, 2, undefined],
  )
  assert.equal(more.length, 0)
})

test('a blob that has another size once it is repaired counts with that size wherever it is', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  const [shared, own] = [hashContent('shared'), hashContent('own')]
  for (const repository of [APP, OTHER]) {
    await t.metadata.linkBlob({ repository, digest: shared, size: 100 })
  }
  await t.metadata.linkBlob({ repository: APP, digest: own, size: 1_000 })
  for (const digest of [shared, own]) {
    await t.scrub.quarantine({ digest, kind: 'changed', foundSize: 1 }, t.clock())
    await t.scrub.release(digest, { size: 7, how: 'fetched' })
    await t.check('a repair')
  }
  const sizes = await t.check('both repairs')
  assert.deepEqual(sizes.get(APP), { bytes: 14, uniqueBytes: 7 })
  assert.deepEqual(await t.sizes.listNamespaces(ALL), [
    { name: 'alice', bytes: 14, uniqueBytes: 7, repositoryCount: 1 },
    { name: 'bob', bytes: 7, uniqueBytes: 0, repositoryCount: 1 },
  ])
  await t.metadata.unlinkBlob(APP, own)
  await t.metadata.unlinkBlob(APP, shared)
  assert.deepEqual((await t.check('it was removed')).get(OTHER), { bytes: 7, uniqueBytes: 7 })
})

test('a tag frees nothing that a copy of its image in the trash keeps: referrers and images of an index', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  await t.link('{}', 'layer', 'signature')
  const image = formatManifest({ layers: ['layer'] })
  const pushes = [
    { bytes: image, part: formatManifest({ layers: ['signature'], subject: image }), tag: 'v1' },
    { bytes: formatManifest({ children: [image] }), part: image, tag: 'v2' },
  ]
  for (const { bytes, part, tag } of pushes) {
    await t.put(part)
    const { digest } = await t.put(bytes, tag)
    await t.metadata.deleteManifest(APP, digest)
    await t.put(part)
    await t.put(bytes, tag)
    const rows = await t.metadata.describeTags(APP, ALL)
    const sizes = await t.sizes.sizeTags(APP, rows ?? [])
    const expected = (await recountAll(t.database)).tags
    for (const [name, size] of sizes) assert.deepEqual(size, expected.get(`${APP}:${name}`), name)
    assert.equal(sizes.get(parseTag(tag))?.uniqueBytes, 0)
    await t.metadata.deleteManifest(APP, digest)
    await t.metadata.emptyTrash()
  }
})
