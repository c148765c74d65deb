import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  formatManifest,
  type RegistryRoom,
  RegistryRooms,
} from '../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { MEDIA_TYPES } from '../../oci/media-type.ts'
import { parseTag } from '../../oci/reference.ts'
import type { ManifestPush } from './push-manifest.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

function pushOf({ repository, owner }: RegistryRoom, more: Partial<ManifestPush> = {}): ManifestPush {
  const reference = parseTag('v1')
  return { repository, owner, reference, tags: [], contentType: undefined, bytes: formatManifest(), ...more }
}

/** A room whose repository holds the blobs that the manifests below name. */
async function enterWithBlobs(policy?: Parameters<RegistryRooms['enter']>[0]): Promise<RegistryRoom> {
  const room = rooms.enter(policy)
  for (const text of ['{}', 'layer']) await room.pushBlob(text)
  return room
}

test('a manifest is stored as it came, under its tag and further ones, in the store of bytes, too', async () => {
  const room = await enterWithBlobs()
  const { registry, repository } = room
  const bytes = formatManifest({ layers: ['layer'] })
  const push = pushOf(room, {
    bytes,
    tags: [parseTag('latest')],
    contentType: `${MEDIA_TYPES.ociManifest}; charset=utf-8`,
  })
  const digest = hashContent(bytes)
  assert.deepEqual(await registry.pushManifest(push), { digest, subject: undefined, unreadExpiry: undefined })
  for (const tag of ['v1', 'latest'])
    assert.equal((await registry.getManifest(repository, parseTag(tag))).digest, digest)
  assert.equal(await room.read(digest), String(bytes))
})

test('a manifest that is pushed by its digest moves only the tags that are named beside it', async () => {
  const room = await enterWithBlobs()
  const bytes = formatManifest()
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const reference = hashContent(bytes, algorithm)
    const pushed = await room.registry.pushManifest(pushOf(room, { reference, tags: [parseTag(algorithm)] }))
    assert.equal(pushed.digest, reference)
  }
  const { entries } = await room.registry.listTags(room.repository, { n: undefined, last: undefined })
  assert.deepEqual(entries, ['sha256', 'sha512'])
})

test('a manifest that is pushed by another digest than it has is refused', async () => {
  const room = await enterWithBlobs()
  const expected = hashContent('other')
  const push = pushOf(room, { reference: expected })
  const detail = { expected, actual: hashContent(push.bytes) }
  await assert.rejects(room.registry.pushManifest(push), { code: 'DIGEST_INVALID', detail })
})

test('a tag moves to the manifest that is pushed under it', async () => {
  const room = await enterWithBlobs()
  const first = await room.pushManifest(formatManifest(), 'v1')
  const second = await room.pushManifest(formatManifest({ layers: ['layer'] }), 'v1')
  const { registry, repository } = room
  assert.equal((await registry.getManifest(repository, parseTag('v1'))).digest, second)
  assert.equal((await registry.getManifest(repository, first)).digest, first)
})

test('the subject is answered, whether or not it is there', async () => {
  const room = await enterWithBlobs()
  const subject = formatManifest({ annotations: { is: 'subject' } })
  const pushed = await room.registry.pushManifest(pushOf(room, { bytes: formatManifest({ subject }) }))
  assert.equal(pushed.subject, hashContent(subject))
})

test('what is no manifest is refused', async () => {
  const room = await enterWithBlobs()
  for (const bytes of ['', '{', '[]', '{}', '{"schemaVersion":1}'].map((text) => Buffer.from(text)))
    await assert.rejects(room.registry.pushManifest(pushOf(room, { bytes })), { code: 'MANIFEST_INVALID' })
  const contentType = MEDIA_TYPES.ociIndex
  await assert.rejects(room.registry.pushManifest(pushOf(room, { contentType })), {
    code: 'MANIFEST_INVALID',
  })
})

test('content that the repository lacks is named, twenty digests at most, and nothing is stored', async () => {
  const room = await enterWithBlobs()
  const { registry, repository, blobs } = room
  const layers = Array.from({ length: 25 }, (_, index) => `absent ${index}`)
  const bytes = formatManifest({ layers: ['layer', ...layers] })
  await assert.rejects(registry.pushManifest(pushOf(room, { bytes })), (error) => {
    assert.ok(error instanceof OciError)
    assert.equal(error.code, 'MANIFEST_BLOB_UNKNOWN')
    assert.match(error.message, /\(25\)/)
    const named = error.detail as { digest: string }[]
    assert.equal(named.length, 20)
    for (const { digest } of named) assert.ok(layers.some((text) => hashContent(text) === digest))
    return true
  })
  await assert.rejects(registry.getManifest(repository, parseTag('v1')), { code: 'MANIFEST_UNKNOWN' })
  assert.equal(await blobs.stat(hashContent(bytes)), undefined)
})

test('content of another repository does not count', async () => {
  const room = rooms.enter()
  await room.pushBlob('{}', room.other)
  await assert.rejects(room.registry.pushManifest(pushOf(room)), { code: 'MANIFEST_BLOB_UNKNOWN' })
})

test('an index needs the manifests it names', async () => {
  const room = await enterWithBlobs()
  const child = formatManifest()
  const index = formatManifest({ children: [child] })
  const detail = [{ digest: hashContent(child) }]
  await assert.rejects(room.pushManifest(index), { code: 'MANIFEST_BLOB_UNKNOWN', detail })
  await room.pushManifest(child)
  assert.equal(await room.pushManifest(index), hashContent(index))
})

test('with sparse manifests allowed absent content is no error', async () => {
  const room = rooms.enter({ isSparseAllowed: true })
  const bytes = formatManifest({ layers: ['absent'] })
  assert.equal(await room.pushManifest(bytes, 'v1'), hashContent(bytes))
})

test('a layer whose bytes are lost counts as absent, so that the client sends it again', async () => {
  const room = await enterWithBlobs()
  const digest = hashContent('layer')
  const bytes = formatManifest({ layers: ['layer'] })
  await room.blobs.put(digest, Buffer.from('lay'))
  const refused = { code: 'MANIFEST_BLOB_UNKNOWN', detail: [{ digest }] }
  await assert.rejects(room.registry.pushManifest(pushOf(room, { bytes })), refused)
  assert.deepEqual(room.damages, [{ digest, size: 5, found: 3 }])
  await room.pushBlob('layer')
  assert.equal(await room.pushManifest(bytes), hashContent(bytes))
})

test('a manifest that states another size than its content has is refused, also where it may be sparse', async () => {
  for (const isSparseAllowed of [false, true]) {
    const room = await enterWithBlobs({ isSparseAllowed })
    const text = String(formatManifest({ layers: ['layer'] })).replace('"size":5', '"size":6')
    const detail = [{ digest: hashContent('layer'), stated: 6, stored: 5 }]
    const refused = { code: 'MANIFEST_INVALID', message: /has 6 bytes, the stored content has 5/, detail }
    await assert.rejects(room.registry.pushManifest(pushOf(room, { bytes: Buffer.from(text) })), refused)
  }
})

test('content that is deleted while a manifest is pushed is missing with the facts', async () => {
  const room = await enterWithBlobs()
  const { registry, repository, blobs, metadata } = room
  const bytes = formatManifest({ layers: ['layer'] })
  // Between the first look and the transaction the bytes of the manifest are written.
  const put = blobs.put.bind(blobs)
  blobs.put = async (digest, content) => {
    await put(digest, content)
    assert.equal(await metadata.unlinkBlob(repository, hashContent('layer')), 'removed')
  }
  const refused = { code: 'MANIFEST_BLOB_UNKNOWN', detail: [{ digest: hashContent('layer') }] }
  await assert.rejects(registry.pushManifest(pushOf(room, { bytes })), refused)
})

test('a fault of the store leaves no facts', async () => {
  const room = await enterWithBlobs()
  room.blobs.bucket.writeFault = new OciError('STORAGE_FULL')
  await assert.rejects(room.registry.pushManifest(pushOf(room)), { code: 'STORAGE_FULL' })
  const unknown = { code: 'MANIFEST_UNKNOWN' }
  await assert.rejects(room.registry.getManifest(room.repository, parseTag('v1')), unknown)
})

test('a manifest too large to be read at once is stored as any other', async () => {
  const room = await enterWithBlobs()
  const bytes = formatManifest({ layers: ['layer'], annotations: { note: 'x'.repeat(40_000) } })
  const digest = await room.pushManifest(bytes, 'v1')
  assert.ok(bytes.equals((await room.registry.getManifest(room.repository, digest)).bytes))
  const broken = bytes.subarray(0, -1)
  await assert.rejects(room.registry.pushManifest(pushOf(room, { bytes: broken })), {
    code: 'MANIFEST_INVALID',
  })
})
