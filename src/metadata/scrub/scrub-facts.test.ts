import assert from 'node:assert/strict'
import { APP, openCollectionRoom, POLICY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { formatManifest } from '../../../test/support/memory/registry-room.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createScrubFacts } from './create-scrub-facts.ts'

const test = testOnEngines()
const OTHER = parseRepositoryName('bob/app')
const LAYER = hashContent('layer')
const HOUR = 1 / 24

/** Two images with a common layer, one of them in an index with the only tag. Nothing was pushed for some hours. */
async function openRoom(openDatabase: OpenDatabase) {
  const t = await openCollectionRoom(openDatabase)
  await t.link('{}', 'layer', 'second')
  await t.metadata.linkBlob({ repository: OTHER, digest: LAYER, size: 5 })
  const image = formatManifest({ layers: ['layer'] })
  const other = formatManifest({ layers: ['layer', 'second'] })
  const { digest } = await t.put(image)
  await t.put(other, 'plain')
  await t.put(formatManifest({ children: [image] }), 'multi')
  t.pass(5 * HOUR)
  const scrub = createScrubFacts(t.database, t.clock)
  return { ...t, scrub, image: digest, imageBytes: image, other: hashContent(other) }
}

const changed = (digest: Digest, foundSize = 5) => ({ digest, kind: 'changed', foundSize }) as const

test('content in quarantine is absent for every question, and the rest is served', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  assert.equal((await t.metadata.findBlob(APP, LAYER))?.size, 5)
  const outcome = await t.scrub.quarantine(changed(LAYER), 1_000)
  assert.ok(outcome.kind === 'quarantined' && outcome.isNew && outcome.mark)
  for (const repository of [APP, OTHER]) {
    assert.equal(await t.metadata.findBlob(repository, LAYER), undefined)
    assert.equal(await t.metadata.relyOnBlob(repository, LAYER), undefined)
    assert.equal(await t.metadata.isQuarantined(repository, LAYER), true)
  }
  const newcomer = parseRepositoryName('carol/app')
  assert.equal(await t.metadata.isQuarantined(newcomer, LAYER), false)
  assert.equal(await t.metadata.mountBlob({ from: APP, repository: newcomer, digest: LAYER }), false)
  const put = await t.put(formatManifest({ layers: ['layer'], annotations: { a: 'b' } }), 'new')
  assert.deepEqual(put.missing, [LAYER])
  assert.ok(await t.metadata.findBlob(APP, hashContent('second')))
  assert.ok(await t.metadata.findManifest(APP, t.image), 'a manifest that names it is known')
})

test('a damage is listed with the images, tags and repositories that it is in', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  assert.deepEqual(await t.scrub.countDamages(), { count: 0, since: undefined })
  await t.scrub.quarantine(changed(LAYER, 4), 1_000)
  await t.scrub.quarantine({ digest: hashContent('second'), kind: 'unreadable', reason: 'EIO' }, 1_000)
  assert.equal((await t.scrub.countDamages()).count, 2)
  const damages = await t.scrub.listDamages({ limit: 9 })
  const layer = damages.find(({ digest }) => digest === LAYER)
  const byTag = [...(layer?.images ?? [])].sort((a, b) => String(a.tags).localeCompare(String(b.tags)))
  assert.deepEqual(byTag, [
    { repository: APP, digest: t.image, tags: ['multi'] },
    { repository: APP, digest: t.other, tags: ['plain'] },
  ])
  assert.deepEqual(layer?.repositories, [APP, OTHER])
  assert.equal(layer?.foundSize, 4)
  assert.equal(damages.find(({ digest }) => digest !== LAYER)?.reason, 'EIO')
  assert.equal((await t.scrub.listDamages({ limit: 1, after: damages[0]?.digest })).length, 1)
})

test('a push waits while bytes are moved away, and its end is that of the quarantine', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  const outcome = await t.scrub.quarantine(changed(LAYER), 1_000)
  assert.ok(outcome.kind === 'quarantined' && outcome.mark)
  assert.equal(await t.metadata.claimBlob(LAYER), 'removing')
  assert.equal(await t.metadata.linkBlob({ repository: APP, digest: LAYER, size: 5 }), false)
  await t.scrub.endMove(outcome.mark, true)
  assert.equal((await t.scrub.listDamages({ limit: 1 }))[0]?.isSetAside, true)
  assert.equal(await t.metadata.claimBlob(LAYER), 'claimed')
  assert.equal(await t.metadata.linkBlob({ repository: OTHER, digest: LAYER, size: 5 }), true)
  assert.equal((await t.metadata.findBlob(APP, LAYER))?.size, 5, 'it is mended for all repositories')
  assert.deepEqual(await t.scrub.listDamages({ limit: 9 }), [])
})

test('content that is being pushed is not put in quarantine, until its push has surely ended', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  assert.equal(await t.metadata.claimBlob(LAYER), 'claimed')
  assert.deepEqual(await t.scrub.quarantine(changed(LAYER), 1_000), { kind: 'busy' })
  t.pass(2 * HOUR)
  assert.deepEqual(
    await t.scrub.quarantine(changed(LAYER), 90 * 60_000),
    { kind: 'busy' },
    'its read began before the push ended',
  )
  assert.equal((await t.scrub.quarantine(changed(LAYER), 1_000)).kind, 'quarantined')
  assert.deepEqual(await t.scrub.quarantine(changed(hashContent('unknown')), 0), { kind: 'gone' })
})

test('a quarantine whose process ended before it moved the bytes is taken up by the next pass', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  await t.scrub.quarantine(changed(LAYER), 0)
  assert.deepEqual(await t.scrub.quarantine(changed(LAYER), 0), { kind: 'busy' })
  t.pass(HOUR)
  const again = await t.scrub.quarantine(changed(LAYER), 0)
  assert.ok(again.kind === 'quarantined' && again.mark && !again.isNew)
  await t.scrub.endMove(again.mark, true)
  const absent = await t.scrub.quarantine({ digest: LAYER, kind: 'absent' }, 0)
  assert.ok(absent.kind === 'quarantined' && absent.mark === undefined)
  assert.equal((await t.scrub.listDamages({ limit: 1 }))[0]?.kind, 'changed', 'the first finding stays')
})

test('a manifest in quarantine is unknown, and its push mends the rows of all repositories', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  await t.metadata.linkBlob({ repository: OTHER, digest: hashContent('{}'), size: 2 })
  const [first] = await t.scrub.listManifestCopies(t.image, { after: 0, limit: 9 })
  assert.ok(first && Buffer.from(first.bytes).equals(t.imageBytes))
  await t.scrub.replaceManifestBytes(t.image, Buffer.alloc(t.imageBytes.length))
  await t.scrub.quarantine(changed(t.image), 1_000)
  assert.equal(await t.metadata.findManifest(APP, t.image), undefined)
  assert.ok(await t.metadata.findManifest(APP, parseTag('multi')))
  const [damage] = await t.scrub.listDamages({ limit: 9 })
  assert.deepEqual(damage?.images[0], { repository: APP, digest: t.image, tags: ['multi'] })
  const index = formatManifest({ children: [t.imageBytes], annotations: { a: 'b' } })
  assert.deepEqual((await t.put(index, 'new')).missing, [t.image])
  t.pass(HOUR)
  await t.metadata.claimBlob(t.image)
  await t.put(t.imageBytes)
  const found = await t.metadata.findManifest(APP, t.image)
  assert.ok(found && Buffer.from(found.bytes).equals(t.imageBytes))
})

test('damaged content can be deleted and collected, and its quarantine is forgotten after some days', async (openDatabase) => {
  await using t = await openRoom(openDatabase)
  await t.metadata.linkBlob({ repository: APP, digest: hashContent('alone'), size: 5 })
  t.pass(2)
  const outcome = await t.scrub.quarantine(changed(hashContent('alone')), 0)
  assert.ok(outcome.kind === 'quarantined' && outcome.mark)
  await t.scrub.endMove(outcome.mark, true)
  assert.equal(await t.metadata.unlinkBlob(APP, hashContent('alone')), 'removed')
  assert.deepEqual(await t.collect(POLICY), [hashContent('alone')])
  await t.scrub.quarantine(changed(LAYER), 0)
  assert.deepEqual(await t.scrub.listEnded(POLICY.keepMs, 9), [])
  t.pass(15)
  assert.deepEqual(await t.scrub.listEnded(POLICY.keepMs, 9), [hashContent('alone')])
  await t.scrub.forgetEnded(LAYER)
  await t.scrub.forgetEnded(hashContent('alone'))
  assert.deepEqual(await t.scrub.listEnded(0, 9), [])
  assert.equal((await t.scrub.countDamages()).count, 1)
})
