import assert from 'node:assert/strict'
import { APP } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import { image, openRetentionRoom } from '../../../test/support/database/retention-room.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { runRetention } from './retention-run.ts'

const test = testOnEngines()

test('a tag that is pushed, moved, added, pulled or protected between decision and act stays', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: { rules: [{ tags: ['x*'], keep: 'none' }] },
  })
  const acts: [string, (digest: Digest) => Promise<unknown>][] = [
    ['pushed again', () => t.push('x')],
    ['moved', () => t.put(image('another'), 'x')],
    ['another tag', () => t.put(image('x'), 'stays')],
    ['pulled', (digest) => t.metadata.recordPulls([{ repository: APP, digest }])],
    ['pinned', (digest) => t.metadata.pin({ repository: APP, reference: digest })],
    [
      'immutable',
      () => t.setPolicy({ immutable: ['x'], retention: { rules: [{ tags: ['x*'], keep: 'none' }] } }),
    ],
  ]
  for (const [name, act] of acts) {
    t.pass(3)
    const [digest] = await t.push('x')
    assert.ok(digest)
    let spared = 0
    const { totals } = await t.run({
      async expireTags(repository, images, basis) {
        t.pass(1 / 86_400)
        await act(digest)
        const result = await t.retention.expireTags(repository, images, basis)
        spared += result.spared.length
        return result
      },
    })
    assert.equal(totals.tagsEnded, 0, name)
    assert.equal(spared, 1, name)
    assert.ok((await t.listTags()).includes('x'), name)
    await t.setPolicy({ retention: { rules: [{ tags: ['x*'], keep: 'none' }] } })
    await t.metadata.deleteTag(APP, parseTag('stays'))
    await t.metadata.unpin(APP, digest)
  }
})

test('rules that are replaced while a run is under way end nothing more', async (openDatabase) => {
  const none = { retention: { rules: [{ tags: ['x*'], keep: 'none' }], 'untagged-after': '1d' } }
  for (const kept of [{ retention: { rules: [{ tags: ['x*'], keep: 'all' }] } }, {}]) {
    await using t = await openRetentionRoom(openDatabase, none)
    const lone = await t.put(image('lone'))
    await t.push('x1', 'x2')
    t.pass(3)
    const { totals } = await t.run({
      async expireTags(repository, images, basis) {
        await t.setPolicy(kept)
        return t.retention.expireTags(repository, images, basis)
      },
    })
    assert.deepEqual([totals.tagsEnded, totals.imagesRemoved], [0, 0])
    assert.equal(totals.problem, `${APP}: its policy was changed meanwhile: the next run decides anew`)
    await t.setPolicy(none)
    const again = await t.run({
      async listUntagged(repository, page) {
        await t.setPolicy(kept)
        return t.retention.listUntagged(repository, page)
      },
    })
    assert.deepEqual([again.totals.tagsEnded, again.totals.imagesRemoved], [2, 0])
    assert.ok(await t.metadata.findManifest(APP, lone.digest))
  }
})

test('a tag that is deleted while a run is under way leaves its place among the newest to another', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: {
      rules: [
        { tags: ['*'], keep: { versions: 1 } },
        { tags: ['ci-*'], keep: { newest: 1 } },
      ],
    },
  })
  for (const act of ['tag', 'manifest'] as const) {
    const [, newest, , highest] = await t.push('ci-1', 'ci-2', '1.0.0', '2.0.0')
    assert.ok(newest && highest)
    t.pass(3)
    const failures: unknown[] = []
    const { totals } = await runRetention({
      facts: {
        ...t.retention,
        async expireTags(repository, images, basis) {
          for (const [name, digest] of [
            ['ci-2', newest],
            ['2.0.0', highest],
          ] as const) {
            if (act === 'tag') await t.metadata.deleteTag(APP, parseTag(name))
            else await t.metadata.deleteManifest(APP, digest)
          }
          return t.retention.expireTags(repository, images, basis)
        },
      },
      metadata: t.metadata,
      readDocument: t.readDocument,
      untagged: undefined,
      onFailure: (repository, error) => failures.push([repository, error]),
    })
    assert.equal(totals.tagsEnded, 0, act)
    assert.match(
      totals.problem ?? '',
      /^alice\/app: its tag .* was deleted meanwhile: the next run decides anew$/,
    )
    assert.deepEqual(failures, [])
    assert.deepEqual(await t.listTags(), ['1.0.0', 'ci-1'])
    assert.equal((await t.run()).totals.problem, undefined)
    assert.deepEqual(await t.listTags(), ['1.0.0', 'ci-1'])
  }
})

test('the tag of a signature stays if its image is pushed between decision and act', async (openDatabase) => {
  await using t = await openRetentionRoom(openDatabase, {
    retention: { rules: [{ tags: ['ci-*'], keep: { newest: 2 } }] },
  })
  const subject = image('subject')
  await t.put(image('signature'), `${hashContent(subject).replace(':', '-')}.sig`)
  assert.equal((await t.plan())[0]?.verdict.isKept, false)
  const { totals } = await t.run({
    async expireTags(repository, images, basis) {
      await t.put(subject, 'again')
      return t.retention.expireTags(repository, images, basis)
    },
  })
  assert.equal(totals.tagsEnded, 0)
  assert.ok((await t.listTags()).some((name) => name.endsWith('.sig')))
})
