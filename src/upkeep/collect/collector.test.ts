import assert from 'node:assert/strict'
import { APP, openCollectionRoom } from '../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../test/support/database/engines.ts'
import type { OpenDatabase } from '../../../test/support/database/test-engine.ts'
import { MemoryBlobStore } from '../../../test/support/memory/memory-blob-store.ts'
import { hashContent } from '../../oci/digest.ts'
import { collect } from './collector.ts'

const test = testOnEngines()
const POLICY = { keepMs: 0, relyMs: 0 }
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }
const COUNT = 250

/** As many blobs that nothing needs. */
async function openDue(openDatabase: OpenDatabase) {
  const t = await openCollectionRoom(openDatabase)
  const texts = Array.from({ length: COUNT }, (_, number) => `layer ${number}`)
  await t.link(...texts)
  for (const text of texts) await t.metadata.unlinkBlob(APP, hashContent(text))
  return t
}

test('a round ends when another registry comes to the same folder in the middle of it', async (openDatabase) => {
  await using t = await openDue(openDatabase)
  let blobsLooked = 0
  const round = await collect({
    blobs: new MemoryBlobStore(),
    facts: {
      ...t.facts,
      look(item, policy) {
        if (item.kind === 'blob') blobsLooked++
        return t.facts.look(item, policy)
      },
    },
    policy: POLICY,
    pace: UNPACED,
    mayGoOn: async () => blobsLooked === 0,
  })
  assert.ok(round.removed.blob > 0 && round.removed.blob < COUNT, `${round.removed.blob} removed`)
})

test('a store that removes nothing ends the round after some failures', async (openDatabase) => {
  await using t = await openDue(openDatabase)
  const refuse = async (): Promise<boolean> => {
    throw new Error('read-only file system')
  }
  const blobs = { stat: async () => ({ size: 1 }), delete: refuse }
  let failures = 0
  const onFailure = (): void => void failures++
  await assert.rejects(collect({ blobs, facts: t.facts, policy: POLICY, pace: UNPACED, onFailure }), {
    message: 'read-only file system',
  })
  assert.ok(failures < 60, `${failures} lines of the log`)
})
