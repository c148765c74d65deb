import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { formatManifest, RegistryRooms } from '../../test/support/memory/registry-room.ts'
import { hashContent } from '../oci/digest.ts'
import { parseTag } from '../oci/reference.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

test('with deleting off nothing is deleted', async () => {
  const room = rooms.enter({ isDeleteAllowed: false })
  const { registry, repository } = room
  const blob = await room.pushBlob('{}')
  const manifest = await room.pushManifest(formatManifest(), 'v1')
  const isOff = { code: 'UNSUPPORTED' }
  for (const digest of [blob, hashContent('absent')])
    await assert.rejects(registry.deleteBlob(repository, digest), isOff)
  for (const reference of [manifest, parseTag('v1')])
    await assert.rejects(registry.deleteManifest(repository, reference), isOff)
  assert.equal((await registry.getManifest(repository, parseTag('v1'))).digest, manifest)
})

test('a blob goes from its repository alone, unless a manifest there names it', async () => {
  const room = rooms.enter()
  const { registry, repository, other } = room
  const digest = await room.pushBlob('{}')
  await room.pushBlob('{}', other)
  const manifest = await room.pushManifest(formatManifest())
  await assert.rejects(registry.deleteBlob(repository, digest), { code: 'BLOB_IN_USE', detail: { digest } })
  await registry.deleteManifest(repository, manifest)
  await registry.deleteBlob(repository, digest)
  await assert.rejects(registry.deleteBlob(repository, digest), { code: 'BLOB_UNKNOWN', detail: { digest } })
  await assert.rejects(registry.statBlob(repository, digest), { code: 'BLOB_UNKNOWN' })
  assert.equal((await registry.statBlob(other, digest)).size, 2)
  assert.equal(await room.read(digest), '{}', 'the bytes stay')
})

test('a tag goes alone; a manifest takes its tags with it', async () => {
  const room = rooms.enter()
  const { registry, repository } = room
  await room.pushBlob('{}')
  const digest = await room.pushManifest(formatManifest(), 'v1')
  await room.pushManifest(formatManifest(), 'v2')
  await registry.deleteManifest(repository, parseTag('v1'))
  assert.equal((await registry.getManifest(repository, parseTag('v2'))).digest, digest)
  for (const reference of [parseTag('v1'), hashContent('none')]) {
    const unknown = { code: 'MANIFEST_UNKNOWN', detail: { reference } }
    await assert.rejects(registry.deleteManifest(repository, reference), unknown)
  }
  await registry.deleteManifest(repository, digest)
  for (const reference of [parseTag('v2'), digest])
    await assert.rejects(registry.getManifest(repository, reference), { code: 'MANIFEST_UNKNOWN' })
})

test('a manifest that an index names stays until the index is gone', async () => {
  const room = rooms.enter()
  const { registry, repository } = room
  await room.pushBlob('{}')
  const child = await room.pushManifest(formatManifest())
  const index = await room.pushManifest(formatManifest({ children: [formatManifest()] }))
  const inUse = { code: 'MANIFEST_IN_USE', detail: { digest: child } }
  await assert.rejects(registry.deleteManifest(repository, child), inUse)
  await registry.deleteManifest(repository, index)
  await registry.deleteManifest(repository, child)
})
