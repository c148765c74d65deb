import assert from 'node:assert/strict'
import { APP, DAY } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { image, openRetentionRoom } from '../../../test/support/database/retention-room.ts'
import type { Digest } from '../../oci/digest.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { parseTag } from '../../oci/reference.ts'
import { runRetention } from './retention-run.ts'

const test = testOnEngines()

const NEWEST_TWO = { retention: { rules: [{ tags: ['ci-*'], keep: { newest: 2 } }] } }

test('a run ends what no rule keeps, the history says why, and each tag can be restored', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, NEWEST_TWO)
  const [first] = await t.push('ci-1', 'ci-2', 'ci-3', 'ci-4', 'v1')
  const { totals, entries } = await t.run()
  assert.deepEqual(await t.listTags(), ['ci-3', 'ci-4', 'v1'])
  assert.deepEqual(totals, {
    repositories: 1,
    tagsSeen: 5,
    tagsEnded: 2,
    imagesRemoved: 0,
    problem: undefined,
  })
  assert.deepEqual(entries, [{ repository: APP, rule: 'ci-*: newest 2', tags: 2 }])
  const [period] = (await t.metadata.listTagPeriods(APP, { tag: parseTag('ci-1'), limit: 1 })) ?? []
  assert.equal(period?.end?.how, 'expired')
  assert.equal(period?.end?.by, '(retention) ci-*: newest 2')
  assert.deepEqual(await t.metadata.restoreTag({ repository: APP, tag: parseTag('ci-1') }), { digest: first })
})

test('the images of ended tags stay for the days of the settings, and then their bytes go', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, NEWEST_TWO)
  const [first] = await t.push('ci-1', 'ci-2', 'ci-3')
  await t.run()
  t.pass(13)
  assert.deepEqual(await t.collect(), [])
  t.pass(2)
  assert.deepEqual(await t.collect(), [first])
})

test('a dry run has a reason for each tag, and changes nothing', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    ...NEWEST_TWO,
    immutable: ['ci-1'],
  })
  await t.push('ci-1', 'ci-2', 'ci-3', 'ci-4', 'latest')
  const planned = await t.plan()
  const reasons = Object.fromEntries(planned.map(({ name, verdict }) => [name, verdict.why]))
  assert.deepEqual(reasons, {
    'ci-1': 'immutable by ci-1',
    'ci-2': 'the rule does not keep it (ci-*: newest 2)',
    'ci-3': 'among the newest 2 by push',
    'ci-4': 'among the newest 2 by push',
    latest: 'no rule matches',
  })
  assert.equal((await t.listTags()).length, 5)
})

test('an image with more tags than one page is decided as a whole', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: { rules: [{ tags: ['x*'], keep: 'none' }] },
  })
  await t.push('before', 'behind')
  const names = Array.from({ length: 1_234 }, (_, index) => parseTag(`x${index}`))
  const many = image('many')
  for (let at = 0; at < names.length; at += 300) await t.putAll(many, names.slice(at, at + 300))
  await t.put(many, 'zz')
  assert.equal((await t.run()).totals.tagsEnded, 0, 'its last tag stays')
  await t.metadata.deleteTag(APP, parseTag('zz'))
  const { totals } = await t.run()
  assert.equal(totals.tagsEnded, names.length)
  assert.equal(totals.tagsSeen, names.length + 2)
  assert.deepEqual(await t.listTags(), ['before', 'behind'])
})

test('a label lets tags end also without a policy, and an index ends if all its images do', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {})
  const one = await t.put(image('one'), 'one', { expiresAfterMs: 2 * DAY })
  const other = await t.put(image('other'), 'other', { expiresAfterMs: 3 * DAY })
  const without = await t.put(image('without'), 'without')
  const index = (...children: { digest: Digest; bytes: Buffer }[]): Buffer =>
    image('index', {
      manifests: children.map(({ digest, bytes }) => ({
        mediaType: MEDIA_TYPES.ociIndex,
        digest,
        size: bytes.length,
      })),
    })
  await t.put(index(one, other), 'both')
  await t.put(index(one, without), 'some')
  t.pass(2.5)
  await t.run()
  assert.deepEqual(await t.listTags(), ['both', 'other', 'some', 'without'])
  t.pass(1)
  await t.run()
  assert.deepEqual(await t.listTags(), ['some', 'without'])
})

test('the label of an image outlives the trash', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {})
  const { digest } = await t.put(image('one'), 'one', { expiresAfterMs: 2 * DAY })
  await t.metadata.deleteManifest(APP, digest)
  await t.metadata.restoreManifest(APP, digest)
  t.pass(3)
  await t.run()
  assert.deepEqual(await t.listTags(), [])
})

test('images without a tag are removed after the time of the policy, those of an index and in use are not', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, { retention: { 'untagged-after': '3d' } })
  const child = await t.put(image('child'))
  const single = await t.put(image('single'))
  const pulled = await t.put(image('pulled'))
  const descriptor = { mediaType: MEDIA_TYPES.ociIndex, digest: child.digest, size: child.bytes.length }
  await t.put(image('index', { manifests: [descriptor] }), 'index')
  t.pass(2)
  await t.metadata.recordPulls([{ repository: APP, digest: pulled.digest }])
  t.pass(1.5)
  assert.deepEqual(
    (await t.plan()).filter(({ name }) => name === undefined).map(({ digest }) => digest),
    [single.digest],
  )
  assert.equal((await t.run()).totals.imagesRemoved, 1)
  assert.equal(await t.metadata.findManifest(APP, single.digest), undefined)
  for (const { digest } of [child, pulled]) assert.ok(await t.metadata.findManifest(APP, digest))
})

test('pinned images and those that run stay, and so does an index with one of them; the dry run has the reason', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: { rules: [{ tags: ['*'], keep: 'none' }] },
  })
  const [pinned, running, free] = await t.push('pinned', 'running', 'free')
  assert.ok(pinned && running && free)
  const child = await t.put(image('child'))
  const descriptor = { mediaType: MEDIA_TYPES.ociIndex, digest: child.digest, size: child.bytes.length }
  await t.put(image('index', { manifests: [descriptor] }), 'index')
  await t.metadata.pin({ repository: APP, reference: pinned, reason: 'the contract' })
  const engine = { id: 'engine', host: 'web-1' }
  await t.metadata.recordRunning(
    engine,
    [running, child.digest].map((digest) => ({ repository: APP, digest, containers: 'shop' })),
  )
  const reasons = Object.fromEntries((await t.plan()).map(({ name, verdict }) => [name, verdict.why]))
  assert.deepEqual(reasons, {
    free: 'the rule keeps none',
    index: `its image ${child.digest.slice(0, 19)}… is in use: runs in shop on web-1`,
    pinned: 'pinned: the contract',
    running: 'runs in shop on web-1',
  })
  await t.run()
  assert.deepEqual(await t.listTags(), ['index', 'pinned', 'running'])
})

test('a run that is stopped returns what it has done, and why it is not all', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: { rules: [{ tags: ['*'], keep: 'none' }] },
  })
  const many = Array.from({ length: 1_200 }, (_, index) => parseTag(`x${index}`))
  await t.putAll(image('many'), many)
  const stopping = new AbortController()
  const { totals, entries } = await t.run(
    {
      async expireTags(repository, images, basis) {
        const result = await t.retention.expireTags(repository, images, basis)
        stopping.abort(new Error('the server stops'))
        return result
      },
    },
    stopping.signal,
  )
  assert.ok(totals.tagsEnded > 0 && totals.tagsEnded < many.length, `${totals.tagsEnded} ended`)
  assert.equal(entries[0]?.tags, totals.tagsEnded)
  assert.equal(totals.problem, `${APP}: the server stops`)
  assert.equal((await t.run()).totals.tagsEnded, many.length - totals.tagsEnded)
})

test('one repository that fails does not stop the others, and is the problem of the run', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, NEWEST_TWO)
  await t.push('ci-1', 'ci-2', 'ci-3')
  const failures: unknown[] = []
  const { totals } = await runRetention({
    facts: {
      ...t.retention,
      async expireTags() {
        throw new Error('the disk is full')
      },
    },
    metadata: t.metadata,
    readDocument: t.readDocument,
    untagged: undefined,
    onFailure: (repository, error) => failures.push([repository, String(error)]),
  })
  assert.deepEqual(failures, [[APP, 'Error: the disk is full']])
  assert.equal(totals.problem, `${APP}: the disk is full`)
})
