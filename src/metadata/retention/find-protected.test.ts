import assert from 'node:assert/strict'
import { APP, DAY, openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { Digest } from '../../oci/digest.ts'
import { RUNNING_KEPT_MS } from '../in-use-facts.ts'
import { createRetentionFacts } from './create-retention-facts.ts'

const test = testOnEngines()

test('an image that is pinned, or that a container runs, keeps its tags, also if that began after the decision', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const facts = createRetentionFacts(t.database)
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const digests: string[] = []
  for (const text of ['pinned', 'runs', 'free']) {
    const document = { schemaVersion: 2, mediaType, manifests: [], annotations: { text } }
    digests.push((await t.put(Buffer.from(JSON.stringify(document)), text)).digest)
  }
  const retained = await facts.listRetained(APP, { limit: 10 })
  const images = retained.map(({ name, digest, pushedAt, pulledAt }) => ({
    digest,
    pulledAt,
    tagCount: 1,
    tags: [{ name, pushedAt, by: 'a rule' }],
  }))
  assert.equal(
    (
      await facts.findProtected(
        APP,
        retained.map(({ digest }) => digest),
      )
    ).size,
    0,
  )
  const find = (text: string) => retained.find(({ name }) => name === text)?.digest ?? assert.fail()
  await t.metadata.pin({ repository: APP, reference: find('pinned'), reason: 'x' })
  await t.metadata.recordRunning({ id: 'e', host: 'h' }, [
    { repository: APP, digest: find('runs'), containers: 'web' },
  ])
  const { ended, spared } = await facts.expireTags(APP, images, {
    aspect: { rules: [] },
    decidedAt: t.clock(),
    historyEnd: await facts.findHistoryEnd(),
  })
  assert.deepEqual(ended, ['free'])
  assert.deepEqual(spared.map(({ why }) => why).toSorted(), ['pinned: x', 'runs in web on h'])
})

test('an index is kept for one image in use among very many that were', async (openDatabase) => {
  await using t = await openCollectionRoom(openDatabase)
  const facts = createRetentionFacts(t.database, t.clock)
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const put = (content: object, tag?: string): ReturnType<typeof t.put> =>
    t.put(Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content })), tag)
  const manifests: { mediaType: string; digest: Digest; size: number }[] = []
  // More than one page of them.
  for (let at = 0; at < 600; at++) {
    const { digest, bytes } = await put({ manifests: [], annotations: { at: String(at) } })
    manifests.push({ mediaType, digest, size: bytes.length })
  }
  const index = await put({ manifests }, 'many')
  await t.metadata.recordRunning(
    { id: 'e', host: 'gone' },
    manifests.map(({ digest }) => ({ repository: APP, digest, containers: 'web' })),
  )
  t.pass(RUNNING_KEPT_MS / DAY + 1)
  assert.equal((await facts.findProtected(APP, [index.digest])).size, 0)
  const last =
    manifests
      .map(({ digest }) => digest)
      .sort()
      .at(-1) ?? assert.fail()
  await t.metadata.pin({ repository: APP, reference: last, reason: 'x' })
  const reason = (await facts.findProtected(APP, [index.digest])).get(index.digest)
  assert.match(String(reason), /in use: pinned: x/)
})
