import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatManifest, RegistryRooms } from '../../test/support/memory/registry-room.ts'
import { createSizeFacts } from '../metadata/sizes/create-size-facts.ts'
import { MEDIA_TYPES } from '../oci/media-type.ts'
import { parseTag } from '../oci/reference.ts'
import { createRepositoryManager } from './manage-repositories.ts'
import { REPOSITORY_ORDERS } from './repositories.ts'

test('the operator lists, shows and deletes repositories and tags', async () => {
  await using rooms = await RegistryRooms.open()
  const room = rooms.enter()
  const { repository, other } = room
  const manager = createRepositoryManager(room.metadata, createSizeFacts(rooms.database))
  await room.pushBlob('{}')
  await room.pushBlob('{}', other)
  const bytes = formatManifest()
  const digest = await room.pushManifest(bytes, 'v1')
  await room.pushManifest(bytes, 'v2')

  assert.deepEqual(
    (await manager.list({ limit: 9 })).map(({ name }) => name),
    [repository, other],
  )
  for (const order of REPOSITORY_ORDERS) {
    const [after] = await manager.list({ limit: 1, order })
    assert.ok(after)
    const next = await manager.list({ limit: 2, order, after })
    assert.deepEqual(
      [after, ...next].map(({ name }) => name),
      [repository, other],
      order,
    )
  }
  const shown = await manager.show(repository)
  assert.deepEqual(
    [shown?.tagCount, shown?.manifestCount, shown?.sizeBytes, shown?.uniqueBytes],
    [2, 1, bytes.length + '{}'.length, bytes.length],
  )
  assert.ok(shown?.updatedAt instanceof Date)
  assert.equal((await manager.show(other))?.updatedAt, undefined)

  const [tag] = (await manager.listTags(repository, { limit: 1 })) ?? []
  assert.ok(tag)
  const { updatedAt, ...rest } = tag
  assert.ok(updatedAt instanceof Date)
  const mediaType = MEDIA_TYPES.ociManifest
  assert.deepEqual(rest, { name: 'v1', digest, mediaType, manifestSizeBytes: bytes.length })
  const [sized] = await manager.sizeTags(repository, [tag])
  // The other tag points at the same manifest.
  assert.deepEqual([sized?.sizeBytes, sized?.uniqueBytes], [bytes.length + '{}'.length, 0])
  assert.equal(await manager.deleteTag(repository, parseTag('v1')), true)
  assert.equal(await manager.deleteTag(repository, parseTag('v1')), false)
  assert.deepEqual(
    (await manager.listTags(repository, { limit: 9 }))?.map(({ name }) => name),
    ['v2'],
  )
  assert.equal(await manager.delete(repository), true)
  assert.equal(await manager.delete(repository), false)
  assert.equal(await manager.show(repository), undefined)
  assert.equal(await manager.listTags(repository, { limit: 9 }), undefined)
})
