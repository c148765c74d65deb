import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { Bucket } from '../../../test/support/memory/bucket.ts'
import { MemoryBlobStore } from '../../../test/support/memory/memory-blob-store.ts'
import {
  assertUploadGone,
  createBody,
  type RegistryRoom,
  RegistryRooms,
  startUpload,
} from '../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError, type OciErrorCode } from '../../oci/errors.ts'
import { parsePolicyDocument } from '../../policies/policy-document.ts'
import { createRegistry } from '../create-registry.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

const NOTHING = createBody('')
const POLICY = { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 }

test('a body that is the whole blob is stored, whatever its algorithm, and leaves no session', async () => {
  const room = rooms.enter()
  const { registry, repository, owner } = room
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const digest = hashContent('whole', algorithm)
    await registry.pushWholeBlob({ repository, owner, digest }, createBody('whole'))
    assert.equal((await registry.statBlob(repository, digest)).size, 5)
    assert.equal(await room.read(digest), 'whole')
  }
  assert.deepEqual(await room.metadata.listStaleUploads(0, 9, owner), [])
})

test('the empty blob can be pushed', async () => {
  const room = rooms.enter()
  const digest = await room.pushBlob('')
  assert.equal((await room.registry.statBlob(room.repository, digest)).size, 0)
})

test('a body of another digest leaves neither a blob nor a session', async () => {
  const room = rooms.enter()
  const { registry, repository, owner } = room
  const digest = hashContent('expected')
  const actual = hashContent('sent')
  await assert.rejects(registry.pushWholeBlob({ repository, owner, digest }, createBody('sent')), {
    code: 'DIGEST_INVALID',
    detail: { expected: digest, actual },
  })
  const key = await startUpload(room)
  await registry.appendUpload(key, createBody('sent'))
  await assert.rejects(registry.finishUpload(key, digest, NOTHING), { code: 'DIGEST_INVALID' })
  await assertUploadGone(room, key)
  for (const none of [digest, actual])
    await assert.rejects(registry.statBlob(repository, none), { code: 'BLOB_UNKNOWN' })
})

test('chunks become a blob, the last with the request that ends the session or before it', async () => {
  for (const last of ['ghi', '']) {
    const room = rooms.enter()
    const { registry } = room
    const key = await startUpload(room)
    await registry.appendUpload(key, createBody('abc', { range: { start: 0, end: 3 } }))
    const rest = last === '' ? 'defghi' : 'def'
    const status = await registry.appendUpload(key, createBody(rest, { length: undefined }))
    assert.deepEqual(status, { id: key.id, repository: room.repository, offset: 3 + rest.length })
    await registry.finishUpload(key, hashContent('abcdefghi'), createBody(last))
    assert.equal(await room.read(hashContent('abcdefghi')), 'abcdefghi')
    await assertUploadGone(room, key)
  }
})

test('a session of the one algorithm ends with a digest of the other', async () => {
  const room = rooms.enter()
  const { registry } = room
  const key = await startUpload(room, 'sha512')
  await registry.appendUpload(key, createBody('abc'))
  await registry.finishUpload(key, hashContent('abc'), NOTHING)
  assert.equal(await room.read(hashContent('abc')), 'abc')
})

test('another process goes on with a session from the state in its row', async () => {
  const bucket = new Bucket()
  const first = rooms.enter({}, new MemoryBlobStore(bucket))
  const second = rooms.enter({}, new MemoryBlobStore(bucket))
  const bytes = randomBytes(11_000_000)
  const key = await startUpload(first)
  await first.registry.appendUpload(key, createBody(bytes.subarray(0, 6_000_000)))
  assert.equal((await second.registry.getUploadStatus(key)).offset, 6_000_000)
  await second.registry.appendUpload(key, createBody(bytes.subarray(6_000_000, 7_000_000)))
  await first.registry.finishUpload(key, hashContent(bytes), createBody(bytes.subarray(7_000_000)))
  assert.equal((await second.registry.statBlob(first.repository, hashContent(bytes))).size, bytes.length)
})

test('what a client sent before it went away counts, and it goes on from there', async () => {
  const room = rooms.enter()
  const { registry } = room
  const key = await startUpload(room)
  const source = new Readable({ read() {} })
  source.push('abc')
  source.once('data', () => setImmediate(() => source.destroy()))
  source.pause()
  const body = { ...createBody(''), source, length: 6 }
  await assert.rejects(registry.appendUpload(key, body), { code: 'SIZE_INVALID', message: /went away/ })
  assert.equal((await registry.getUploadStatus(key)).offset, 3)
  await registry.finishUpload(key, hashContent('abcdef'), createBody('def'))
  assert.equal(await room.read(hashContent('abcdef')), 'abcdef')
})

test('the last body is kept, too, where its client went away', async () => {
  const room = rooms.enter()
  const { registry } = room
  const key = await startUpload(room)
  const source = new Readable({ read() {} })
  source.push('abc')
  source.once('data', () => setImmediate(() => source.destroy()))
  source.pause()
  const body = { ...createBody(''), source, length: 6 }
  await assert.rejects(registry.finishUpload(key, hashContent('abcdef'), body), { code: 'SIZE_INVALID' })
  assert.equal((await registry.getUploadStatus(key)).offset, 3)
})

test('a client that falls silent is answered, and what it sent counts', async () => {
  const room = rooms.enter({}, new MemoryBlobStore(new Bucket(), 20))
  const key = await startUpload(room)
  const source = new Readable({ read() {} })
  source.push('abc')
  const body = { ...createBody(''), source, length: 6 }
  await assert.rejects(room.registry.appendUpload(key, body), { code: 'REQUEST_TIMEOUT' })
  assert.equal((await room.registry.getUploadStatus(key)).offset, 3)
})

test('a long body counts while it comes: what fails later goes on from there', async () => {
  const room = rooms.enter()
  const { registry, blobs } = room
  const bytes = randomBytes(30_000_000)
  const key = await startUpload(room)
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 1_000_000) {
      yield bytes.subarray(at, at + 1_000_000)
      await new Promise((resolve) => setImmediate(resolve))
      if (((await room.metadata.findUpload(key.id))?.offset ?? 0) > 0)
        blobs.bucket.writeFault = new OciError('STORAGE_FULL')
    }
  }
  const body = { source: Readable.from(chunks()), range: undefined, length: bytes.length }
  await assert.rejects(registry.appendUpload(key, body), { code: 'STORAGE_FULL' })
  blobs.bucket.writeFault = undefined
  const { offset } = await registry.getUploadStatus(key)
  assert.ok(offset > 0 && offset < bytes.length, `${offset} bytes counted`)
  await registry.finishUpload(key, hashContent(bytes), createBody(bytes.subarray(offset)))
})

test('a long body whose progress cannot be kept meanwhile counts at its end', async () => {
  const room = rooms.enter()
  const { repository, owner, blobs } = room
  let failures = 0
  const metadata: RegistryRoom['metadata'] = {
    ...room.metadata,
    async advanceUpload(id, from, to) {
      if (failures++ === 0) throw new OciError('UNAVAILABLE')
      return room.metadata.advanceUpload(id, from, to)
    },
  }
  const registry = createRegistry({ blobs, metadata, policy: POLICY })
  const bytes = randomBytes(22_000_000)
  const { id } = await registry.startUpload({ repository, owner, algorithm: undefined })
  const { offset } = await registry.appendUpload({ id, repository, owner }, createBody(bytes))
  assert.deepEqual([offset, failures], [bytes.length, 2])
})

test('the last request of a push can be repeated where the database was away before the blob was linked', async () => {
  const room = rooms.enter()
  const { repository, owner, blobs } = room
  let failures = 0
  const metadata: RegistryRoom['metadata'] = {
    ...room.metadata,
    async linkBlob(link) {
      if (failures++ === 0) throw new OciError('UNAVAILABLE')
      return room.metadata.linkBlob(link)
    },
  }
  const registry = createRegistry({ blobs, metadata, policy: POLICY })
  const { id } = await registry.startUpload({ repository, owner, algorithm: undefined })
  const key = { id, repository, owner }
  await registry.appendUpload(key, createBody('kept'))
  await assert.rejects(registry.finishUpload(key, hashContent('kept'), NOTHING), { code: 'UNAVAILABLE' })
  await assert.rejects(registry.statBlob(repository, hashContent('kept')), { code: 'BLOB_UNKNOWN' })
  await registry.finishUpload(key, hashContent('kept'), NOTHING)
  assert.equal((await registry.statBlob(repository, hashContent('kept'))).size, 4)
  await assertUploadGone(room, key)
})

test('a session whose blob the quota refuses at the last moment does not count against it any longer', async () => {
  const room = rooms.enter()
  const { repository, owner, blobs } = room
  const metadata: RegistryRoom['metadata'] = {
    ...room.metadata,
    // Another push has taken the room between the check and the link.
    async linkBlob() {
      throw new OciError('DENIED')
    },
  }
  const registry = createRegistry({ blobs, metadata, policy: POLICY })
  const { id } = await registry.startUpload({ repository, owner, algorithm: undefined })
  const key = { id, repository, owner }
  await registry.appendUpload(key, createBody('too many bytes'))
  await assert.rejects(registry.finishUpload(key, hashContent('too many bytes'), NOTHING), { code: 'DENIED' })
  assert.equal(await room.metadata.findUpload(id), undefined)
})

test('a quota that is used up refuses no content that the namespace holds, when its digest comes with its bytes', async () => {
  const room = rooms.enter()
  const { repository, owner, registry, metadata } = room
  const [namespace] = repository.split('/')
  const digest = hashContent('held')
  await registry.pushWholeBlob({ repository, owner, digest }, createBody('held'))
  const { id } = await registry.startUpload({ repository, owner, algorithm: undefined })
  const { version } = await metadata.readPolicies()
  const quotas = [{ namespace, bytes: 3 }]
  await metadata.replacePolicies(parsePolicyDocument({ quotas }), { expected: version })
  await registry.pushWholeBlob({ repository, owner, digest }, createBody('held'))
  await registry.finishUpload({ id, repository, owner }, digest, createBody('held'))
  await assert.rejects(
    registry.pushWholeBlob({ repository, owner, digest: hashContent('new') }, createBody('new')),
    { code: 'DENIED' },
  )
})

test('a quota that is used up keeps nothing of a last body whose client went away, whatever digest it named', async () => {
  const room = rooms.enter()
  const { repository, owner, registry, metadata } = room
  const [namespace] = repository.split('/')
  const digest = hashContent('held')
  await registry.pushWholeBlob({ repository, owner, digest }, createBody('held'))
  const key = await startUpload(room)
  const { version } = await metadata.readPolicies()
  const quotas = [{ namespace, bytes: 4 }]
  await metadata.replacePolicies(parsePolicyDocument({ quotas }), { expected: version })
  const source = new Readable({ read() {} })
  source.push('anything')
  source.once('data', () => setImmediate(() => source.destroy()))
  source.pause()
  const body = { ...createBody('anything and more'), source }
  await assert.rejects(registry.finishUpload(key, digest, body), { code: 'DENIED' })
  await assertUploadGone(room, key)
})

test('a body must lie where the session goes on, and be as long as its range', async () => {
  const room = rooms.enter()
  const { registry } = room
  const key = await startUpload(room)
  await registry.appendUpload(key, createBody('abc'))
  const refused = (options: Parameters<typeof createBody>[1], code: OciErrorCode, text = 'def') =>
    assert.rejects(registry.appendUpload(key, createBody(text, options)), { code })
  await refused({ range: { start: 0, end: 3 } }, 'RANGE_INVALID')
  await refused({ range: { start: 4, end: 7 } }, 'RANGE_INVALID')
  await refused({ range: { start: 3, end: 7 } }, 'SIZE_INVALID')
  assert.equal((await registry.getUploadStatus(key)).offset, 3)
  await refused({ range: { start: 3, end: 7 }, length: undefined }, 'SIZE_INVALID')
})

test('a blob larger than the registry takes is refused: before it comes, or where its length is not known', async () => {
  const room = rooms.enter({ maxBlobBytes: 5 })
  const { registry, repository, owner } = room
  const tooLarge = { code: 'SIZE_INVALID', status: 413 }
  const key = await startUpload(room)
  await registry.appendUpload(key, createBody('abc'))
  await assert.rejects(registry.appendUpload(key, createBody('def')), tooLarge)
  assert.equal((await registry.getUploadStatus(key)).offset, 3)
  await assert.rejects(registry.appendUpload(key, createBody('def', { length: undefined })), tooLarge)
  await registry.appendUpload(key, createBody('de', { length: undefined }))
  await registry.finishUpload(key, hashContent('abcde'), NOTHING)
  const digest = hashContent('abcdef')
  await assert.rejects(registry.pushWholeBlob({ repository, owner, digest }, createBody('abcdef')), tooLarge)
})
