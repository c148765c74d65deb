import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type RegistryRoom, RegistryRooms } from '../../../test/support/memory/registry-room.ts'
import type { RepositoryFilter } from '../../metadata/metadata.ts'
import { type Digest, hashContent } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

interface Mount {
  readonly digest: Digest
  readonly from?: RepositoryName
  readonly readable?: RepositoryFilter
}

/** Mounts into the room's second repository; by default the owner may read all of its own. */
function mount(
  { registry, owner, other }: RegistryRoom,
  { digest, from, readable }: Mount,
): Promise<boolean> {
  return registry.mountBlob({
    repository: other,
    digest,
    from,
    readable: readable ?? { prefixes: [`${owner}/`] },
  })
}

test('a blob of a repository that may be read is given to another, named or not', async () => {
  for (const isNamed of [true, false]) {
    const room = rooms.enter()
    const digest = await room.pushBlob('abc')
    assert.equal(await mount(room, { digest, ...(isNamed ? { from: room.repository } : {}) }), true)
    assert.equal((await room.registry.statBlob(room.other, digest)).size, 3)
  }
})

test('a blob is found in another readable repository than the one that is named', async () => {
  const room = rooms.enter()
  const digest = await room.pushBlob('abc')
  assert.equal(await mount(room, { digest, from: room.other }), true)
})

test('what may not be read is not there, whoever holds it', async () => {
  const room = rooms.enter()
  const digest = await room.pushBlob('abc')
  for (const readable of [{ prefixes: [] }, { prefixes: ['someone/'] }, { names: [room.other] }])
    assert.equal(await mount(room, { digest, from: room.repository, readable }), false)
  await assert.rejects(room.registry.statBlob(room.other, digest), { code: 'BLOB_UNKNOWN' })
})

test('a blob that no repository holds is not mounted, nor one whose bytes are lost or cut short', async () => {
  const room = rooms.enter()
  assert.equal(await mount(room, { digest: hashContent('none') }), false)
  const digest = await room.pushBlob('abc')
  await room.blobs.put(digest, Buffer.from('ab'))
  assert.equal(await mount(room, { digest }), false)
  await room.blobs.delete(digest)
  assert.equal(await mount(room, { digest }), false)
  const found = room.damages.map((damage) => damage.found)
  assert.deepEqual(found, [2, undefined])
})
