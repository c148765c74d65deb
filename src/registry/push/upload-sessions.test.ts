import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import {
  assertUploadGone,
  createBody,
  type RegistryRoom,
  RegistryRooms,
  startUpload,
} from '../../../test/support/memory/registry-room.ts'
import { hashContent } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import { createRegistry } from '../create-registry.ts'
import { BlobPresence } from '../presence/blob-presence.ts'
import {
  ABANDONED_AFTER_MS,
  createPushBlob,
  MAX_OPEN_UPLOADS,
  type PushBlob,
  type UploadKey,
} from './push-blob.ts'
import { UploadLocks } from './upload-locks.ts'
import { UploadRoom } from './upload-room.ts'

const rooms = await RegistryRooms.open()
after(() => rooms[Symbol.asyncDispose]())

const NOTHING = createBody('')

test('nobody but the account that opened a session, in its repository, finds it', async () => {
  const room = rooms.enter()
  const { registry, other } = room
  const key = await startUpload(room)
  for (const wrong of [
    { ...key, owner: 'someone' },
    { ...key, repository: other },
  ]) {
    const unknown = { code: 'BLOB_UPLOAD_UNKNOWN' }
    await assert.rejects(registry.getUploadStatus(wrong), unknown)
    await assert.rejects(registry.appendUpload(wrong, createBody('x')), unknown)
    await assert.rejects(registry.finishUpload(wrong, hashContent('x'), createBody('x')), unknown)
    await assert.rejects(registry.cancelUpload(wrong), unknown)
  }
  assert.equal((await registry.getUploadStatus(key)).offset, 0)
})

test('a cancelled session is gone with its bytes', async () => {
  const room = rooms.enter()
  const key = await startUpload(room)
  await room.registry.appendUpload(key, createBody('abc'))
  await room.registry.cancelUpload(key)
  await assertUploadGone(room, key)
  await assert.rejects(room.registry.cancelUpload(key), { code: 'BLOB_UPLOAD_UNKNOWN' })
})

test('a session whose bytes are lost is gone, with whatever request comes', async () => {
  const requests: readonly ((registry: PushBlob, key: UploadKey) => Promise<unknown>)[] = [
    (registry, key) => registry.getUploadStatus(key),
    (registry, key) => registry.appendUpload(key, createBody('def')),
    (registry, key) => registry.finishUpload(key, hashContent('abc'), NOTHING),
    (registry, key) => registry.finishUpload(key, hashContent('abcdef'), createBody('def')),
  ]
  for (const request of requests) {
    const room = rooms.enter()
    const key = await startUpload(room)
    await room.registry.appendUpload(key, createBody('abc'))
    await room.blobs.discard(key.id)
    await assert.rejects(request(room.registry, key), { code: 'BLOB_UPLOAD_UNKNOWN' })
    await assertUploadGone(room, key)
  }
})

test('a session that is cancelled while a body comes is gone, with the body', async () => {
  const room = rooms.enter()
  const { registry } = room
  const key = await startUpload(room)
  const source = new Readable({ read() {} })
  const body = { ...createBody(''), source, length: undefined }
  source.push('abc')
  const appending = registry.appendUpload(key, body)
  await new Promise((resolve) => source.once('data', resolve))
  await registry.cancelUpload(key)
  source.push(null)
  await assert.rejects(appending, { code: 'BLOB_UPLOAD_UNKNOWN' })
  await assertUploadGone(room, key)
})

test('the request that ends a session can be repeated, as long as the repository holds the blob', async () => {
  const room = rooms.enter()
  const { registry, blobs } = room
  const key = await startUpload(room)
  const digest = hashContent('abc')
  await registry.finishUpload(key, digest, createBody('abc'))
  await registry.finishUpload(key, digest, createBody('abc'))
  await registry.finishUpload(key, digest, NOTHING)
  const unknown = { code: 'BLOB_UPLOAD_UNKNOWN' }
  await assert.rejects(registry.finishUpload(key, hashContent('other'), NOTHING), unknown)
  await blobs.delete(digest)
  await assert.rejects(rooms.enter({}, blobs).registry.finishUpload(key, digest, NOTHING), unknown)
})

test('a session that cannot be looked up is not taken for one that has ended', async () => {
  const room = rooms.enter()
  const { metadata, blobs, repository, owner } = room
  const digest = await room.pushBlob('held')
  const findUpload = async (): Promise<never> => {
    throw new OciError('UNAVAILABLE')
  }
  const registry = createRegistry({
    blobs,
    metadata: { ...metadata, findUpload },
    policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 },
  })
  const push = registry.pushWholeBlob({ repository, owner, digest }, createBody('held'))
  await assert.rejects(push, { code: 'UNAVAILABLE' })
})

test('a blob that only another repository holds does not end a session that is gone', async () => {
  const room = rooms.enter()
  const digest = await room.pushBlob('abc', room.other)
  const key = await startUpload(room)
  await room.registry.cancelUpload(key)
  await assert.rejects(room.registry.finishUpload(key, digest, NOTHING), { code: 'BLOB_UPLOAD_UNKNOWN' })
})

/** The use-cases of a room with a short wait for a session in use. */
function createImpatient(
  { blobs, metadata }: RegistryRoom,
  finishWaitMs: number,
): PushBlob & { turns: UploadLocks } {
  const presence = new BlobPresence(blobs, () => {})
  const turns = new UploadLocks()
  return {
    turns,
    ...createPushBlob({
      blobs,
      metadata,
      presence,
      uploadTurns: turns,
      room: new UploadRoom([], () => 0),
      maxBlobBytes: 0,
      finishWaitMs,
    }),
  }
}

test('two bodies of one session never mix: the second is refused, and ends nothing', async () => {
  const room = rooms.enter()
  const push = createImpatient(room, 10)
  const key = await startUpload(room)
  {
    await using _turn = push.turns.take(key.id)
    const inUse = { code: 'RANGE_INVALID', message: /Another request/ }
    await assert.rejects(push.appendUpload(key, createBody('abc')), inUse)
    await assert.rejects(push.finishUpload(key, hashContent('abc'), createBody('abc')), inUse)
    assert.equal((await push.getUploadStatus(key)).offset, 0)
  }
  await push.finishUpload(key, hashContent('abc'), createBody('abc'))
})

test('an end without a body waits for the request before it; one with a body is refused then', async () => {
  for (const text of ['', 'def']) {
    const room = rooms.enter()
    const push = createImpatient(room, 60_000)
    const key = await startUpload(room)
    await push.appendUpload(key, createBody('abc'))
    const turn = push.turns.take(key.id)
    const finishing = push.finishUpload(key, hashContent('abc'), createBody(text))
    setImmediate(() => void turn[Symbol.asyncDispose]())
    if (text === '') await finishing
    else await assert.rejects(finishing, { code: 'RANGE_INVALID' })
  }
})

test('a fault of the store is answered as such, and the session goes on', async () => {
  const room = rooms.enter()
  const { registry, blobs, repository, owner } = room
  const key = await startUpload(room)
  await registry.appendUpload(key, createBody('abc'))
  const isFull = { code: 'STORAGE_FULL' }
  blobs.bucket.writeFault = new OciError('STORAGE_FULL')
  await assert.rejects(registry.appendUpload(key, createBody('def')), isFull)
  await assert.rejects(registry.finishUpload(key, hashContent('abc'), NOTHING), isFull)
  await assert.rejects(
    registry.pushWholeBlob({ repository, owner, digest: hashContent('x') }, createBody('x')),
    isFull,
  )
  blobs.bucket.writeFault = undefined
  assert.equal((await registry.getUploadStatus(key)).offset, 3)
  await registry.finishUpload(key, hashContent('abc'), NOTHING)
  assert.equal(await room.read(hashContent('abc')), 'abc')
})

/** Facts with a lower bound on open sessions: the real one takes a thousand rows. */
function boundedTo(maxOpen: number, metadata: RegistryRoom['metadata']): RegistryRoom['metadata'] {
  return {
    ...metadata,
    createUpload(row, bound) {
      assert.ok(bound === undefined || bound === MAX_OPEN_UPLOADS)
      return metadata.createUpload(row, bound && maxOpen)
    },
  }
}

test('an account has so many sessions open at most; one that is a day old makes room, a whole blob needs none', async () => {
  const room = rooms.enter()
  const { repository, owner, blobs } = room
  const yesterday = rooms.metadataAt(() => Date.now() - ABANDONED_AFTER_MS - 1_000)
  const parts = {
    presence: new BlobPresence(blobs, () => {}),
    uploadTurns: new UploadLocks(),
    room: new UploadRoom([], () => 0),
    maxBlobBytes: 0,
  }
  const at = (metadata: RegistryRoom['metadata']): PushBlob =>
    createPushBlob({ ...parts, blobs, metadata: boundedTo(2, metadata) })
  const upload = { repository, owner, algorithm: undefined }
  const stale = await at(yesterday).startUpload(upload)
  const push = at(room.metadata)
  await push.startUpload(upload)
  await push.startUpload(upload)
  assert.equal(await room.metadata.findUpload(stale.id), undefined)
  await assert.rejects(push.startUpload(upload), { code: 'TOOMANYREQUESTS', message: /1000 uploads open/ })
  await push.pushWholeBlob({ repository, owner, digest: hashContent('abc') }, createBody('abc'))
  await push.startUpload({ ...upload, owner: 'someone' })
})
