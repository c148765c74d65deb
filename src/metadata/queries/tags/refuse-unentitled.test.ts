import assert from 'node:assert/strict'
import { APP, openCollectionRoom } from '../../../../test/support/database/collection-room.ts'
import { testOnEngines } from '../../../../test/support/database/engines.ts'
import { hashContent } from '../../../oci/digest.ts'
import { parseManifest } from '../../../oci/manifest.ts'
import { parseTag } from '../../../oci/reference.ts'
import type { TagRights } from '../../metadata.ts'

const test = testOnEngines()
const CREATE: TagRights = { mayCreate: true, mayOverwrite: false }
const OVERWRITE: TagRights = { mayCreate: false, mayOverwrite: true }

type Room = Awaited<ReturnType<typeof openCollectionRoom>>

async function push(room: Room, text: string, tagRights: TagRights, ...tags: string[]): Promise<void> {
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: [], annotations: { text } }),
  )
  await room.metadata.putManifest({
    repository: APP,
    digest: hashContent(bytes),
    bytes,
    manifest: parseManifest(bytes, undefined),
    tags: tags.map(parseTag),
    isSparseAllowed: false,
    by: 'alice',
    tagRights,
  })
}

async function readTags(room: Room): Promise<string[]> {
  const rows = (await room.metadata.describeTags(APP, { limit: 100, last: undefined })) ?? []
  return rows.map(({ name }) => name)
}

test('CVE-2026-31801: with the right to create only, no tag that exists is moved, latest neither', async (openDatabase) => {
  await using room = await openCollectionRoom(openDatabase)
  for (const tag of ['latest', 'v1']) {
    await push(room, 'one', CREATE, tag)
    await push(room, 'one', CREATE, tag)
    await assert.rejects(push(room, 'two', CREATE, tag), {
      code: 'DENIED',
      status: 403,
      message: /^The tag \S+ of alice\/app exists, and alice has no right to overwrite/,
      detail: { reason: 'overwrite', repository: APP, tag },
    })
  }
  await assert.rejects(push(room, 'three', CREATE, 'new', 'v1'), { code: 'DENIED' })
  assert.deepEqual(await readTags(room), ['latest', 'v1'], 'of two tags both count, or none')
})

test('with the right to overwrite only, no tag is made', async (openDatabase) => {
  await using room = await openCollectionRoom(openDatabase)
  await push(room, 'one', CREATE, 'v1')
  await push(room, 'two', OVERWRITE, 'v1')
  await assert.rejects(push(room, 'two', OVERWRITE, 'v2'), { code: 'DENIED', message: /no right to create/ })
  assert.deepEqual(await readTags(room), ['v1'])
})

test('CVE-2026-31801: of two pushers who may only create, one makes the tag at the same moment', async (openDatabase) => {
  await using room = await openCollectionRoom(openDatabase)
  for (let round = 0; round < 5; round++) {
    const results = await Promise.allSettled(
      ['one', 'two', 'three'].map((text) => push(room, text, CREATE, `v${round}`)),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1, `${round}`)
  }
})
