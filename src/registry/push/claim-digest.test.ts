import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  createBody,
  formatManifest,
  type RegistryRoom,
  RegistryRooms,
} from '../../../test/support/memory/registry-room.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { hashContent } from '../../oci/digest.ts'
import { parseTag } from '../../oci/reference.ts'
import { createRegistry } from '../create-registry.ts'
import type { Registry } from '../registry.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

const LAYER = 'layer'
const DIGEST = hashContent(LAYER)

/** A registry over facts of which some are replaced. */
function withFacts(room: RegistryRoom, facts: Partial<Metadata>): Registry {
  const policy = { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 }
  return createRegistry({ blobs: room.blobs, metadata: { ...room.metadata, ...facts }, policy })
}

function pushLayer({ repository, owner }: RegistryRoom, registry: Registry): Promise<void> {
  return registry.pushWholeBlob({ repository, owner, digest: DIGEST }, createBody(LAYER))
}

test('a push waits while the bytes of an earlier one are removed, and stores its own then', async () => {
  const room = rooms.enter()
  let looks = 0
  const registry = withFacts(room, {
    async claimBlob() {
      // The bytes of the earlier push are still there, and go with the last look.
      return ++looks < 3 ? 'removing' : 'claimed'
    },
  })
  await pushLayer(room, registry)
  assert.equal(looks, 3)
  assert.equal(await room.read(DIGEST), LAYER)
})

test('a push whose bytes are being removed as it links them can be repeated', async () => {
  const room = rooms.enter()
  const { repository } = room
  await assert.rejects(pushLayer(room, withFacts(room, { linkBlob: async () => false })), {
    code: 'UNAVAILABLE',
    retryAfterS: 1,
  })
  assert.equal(await room.metadata.findBlob(repository, DIGEST), undefined)
  await pushLayer(room, room.registry)
  assert.equal((await room.registry.statBlob(repository, DIGEST)).size, LAYER.length)
})

test('a push whose bytes were removed before they were linked is refused, and leaves no link', async () => {
  const room = rooms.enter()
  const registry = withFacts(room, {
    async linkBlob(link) {
      await room.blobs.delete(link.digest)
      return room.metadata.linkBlob(link)
    },
  })
  await assert.rejects(pushLayer(room, registry), { code: 'UNAVAILABLE' })
  assert.equal(await room.metadata.findBlob(room.repository, DIGEST), undefined)
})

test('a manifest whose bytes are removed meanwhile is stored again, or refused while they are', async () => {
  const room = rooms.enter()
  const { repository, owner } = room
  await room.pushBlob('{}')
  const bytes = formatManifest()
  const push = { repository, owner, reference: parseTag('v1'), bytes, tags: [], contentType: undefined }
  const removed = withFacts(room, {
    async putManifest(record) {
      await room.blobs.delete(record.digest)
      return room.metadata.putManifest(record)
    },
  })
  const { digest } = await removed.pushManifest(push)
  assert.equal(await room.read(digest), String(bytes))
  const marked = withFacts(room, {
    putManifest: async (record) => ({
      ...(await room.metadata.findNamed(repository, record.manifest)),
      isRemoved: true,
    }),
  })
  await assert.rejects(marked.pushManifest(push), { code: 'UNAVAILABLE', retryAfterS: 1 })
})
