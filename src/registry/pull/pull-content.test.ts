import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { formatManifest, RegistryRooms } from '../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { parseTag } from '../../oci/reference.ts'
import { REMEMBERED_MS } from '../presence/blob-presence.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

test('a blob is served through the repositories that hold it, in the spans that are wanted', async () => {
  const room = rooms.enter()
  const { registry, repository, other } = room
  const digest = await room.pushBlob('0123456789')
  const { size } = await registry.statBlob(repository, digest)
  const chunks: string[] = []
  const ranges = [
    { start: 2, end: 4 },
    { start: 9, end: size },
  ]
  await registry.sendBlob(
    { repository, digest, size },
    ranges,
    async (bytes) => void chunks.push(String(bytes)),
  )
  assert.deepEqual(chunks, ['23', '9'])
  for (const [where, what] of [
    [other, digest],
    [repository, hashContent('none')],
  ] as const)
    await assert.rejects(registry.statBlob(where, what), { code: 'BLOB_UNKNOWN', detail: { digest: what } })
})

test('a blob whose bytes are lost or cut short is absent, and each damage is reported', async () => {
  const room = rooms.enter()
  const { registry, repository, blobs, damages } = room
  const digest = await room.pushBlob('abc')
  await registry.statBlob(repository, digest)
  await blobs.put(digest, Buffer.from('ab'))
  room.pass(REMEMBERED_MS)
  await assert.rejects(registry.statBlob(repository, digest), { code: 'BLOB_UNKNOWN' })
  await blobs.delete(digest)
  await assert.rejects(registry.statBlob(repository, digest), { code: 'BLOB_UNKNOWN' })
  assert.deepEqual(damages, [
    { digest, size: 3, found: 2 },
    { digest, size: 3, found: undefined },
  ])
  await room.pushBlob('abc')
  assert.equal((await registry.statBlob(repository, digest)).size, 3)
})

test('a blob that is lost once its answer has begun is reported, and not remembered as whole', async () => {
  const room = rooms.enter()
  const { registry, repository, blobs, damages } = room
  const digest = await room.pushBlob('abc')
  const { size } = await registry.statBlob(repository, digest)
  await blobs.delete(digest)
  const sending = registry.sendBlob({ repository, digest, size }, [{ start: 0, end: 3 }], async () => {})
  await assert.rejects(sending, { code: 'BLOB_UNKNOWN' })
  assert.deepEqual(damages, [{ digest, size, found: undefined }])
  await assert.rejects(registry.statBlob(repository, digest), { code: 'BLOB_UNKNOWN' })
})

test('a client that is gone, and a fault of the store, are no damage of a blob', async () => {
  const room = rooms.enter()
  const { registry, repository, blobs } = room
  const digest = await room.pushBlob('abc')
  const blob = { repository, digest, size: 3 }
  const gone = async (): Promise<void> => {
    throw new Error('gone')
  }
  await assert.rejects(registry.sendBlob(blob, [{ start: 0, end: 3 }], gone), /gone/)
  blobs.bucket.fault = new OciError('UNAVAILABLE')
  await assert.rejects(registry.statBlob(repository, digest), { code: 'UNAVAILABLE' })
  await assert.rejects(registry.sendBlob(blob, [{ start: 0, end: 3 }], gone), { code: 'UNAVAILABLE' })
  assert.deepEqual(room.damages, [])
})

test('a manifest is the bytes that were pushed, by tag and by digest', async () => {
  const room = rooms.enter()
  const { registry, repository, other } = room
  await room.pushBlob('{}')
  const bytes = formatManifest()
  const digest = await room.pushManifest(bytes, 'v1')
  for (const reference of [parseTag('v1'), digest]) {
    const stored = await registry.getManifest(repository, reference)
    assert.ok(bytes.equals(stored.bytes))
    const { mediaType, size } = stored
    assert.deepEqual([stored.digest, mediaType, size], [digest, MEDIA_TYPES.ociManifest, bytes.length])
    await assert.rejects(registry.getManifest(other, reference), { code: 'MANIFEST_UNKNOWN' })
  }
  const reference = parseTag('v2')
  const unknown = { code: 'MANIFEST_UNKNOWN', detail: { reference } }
  await assert.rejects(registry.getManifest(repository, reference), unknown)
})
