import assert from 'node:assert/strict'
import { APP, openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
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
