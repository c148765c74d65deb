import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { Bucket, MIN_PART_BYTES } from '../../test/support/memory/bucket.ts'
import { MemoryBlobStore } from '../../test/support/memory/memory-blob-store.ts'
import { hashContent } from '../oci/digest.ts'
import { OciError } from '../oci/errors.ts'
import type { UploadId } from '../oci/request.ts'
import { describeBlobStore } from './blob-store.suite.ts'

/** Runs the contract over a store of objects, so that no method of the port needs a file. */
describeBlobStore('MemoryBlobStore', async () => {
  const bucket = new Bucket()
  return {
    store: new MemoryBlobStore(bucket),
    reopen: async () => new MemoryBlobStore(bucket),
    hasUrls: true,
    [Symbol.asyncDispose]: async () => {},
  }
})

const ID = 'upload'.padEnd(22, '_') as UploadId

test('`Bucket` takes a part below 5 MiB only as the last', async () => {
  const bucket = new Bucket()
  const id = await bucket.begin('key')
  await bucket.uploadPart(id, 1, Buffer.alloc(MIN_PART_BYTES - 1))
  await bucket.uploadPart(id, 2, Buffer.alloc(1))
  await assert.rejects(bucket.complete(id, 2), /EntityTooSmall/)
  await bucket.uploadPart(id, 1, Buffer.alloc(MIN_PART_BYTES))
  await bucket.complete(id, 2)
  assert.equal(await bucket.readSize('key'), MIN_PART_BYTES + 1)
  await assert.rejects(bucket.uploadPart(id, 3, Buffer.alloc(1)), /NoSuchUpload/)
})

test('`MemoryBlobStore` goes on where a write has failed, and a commit can be tried again', async () => {
  const store = new MemoryBlobStore()
  const bytes = randomBytes(12_000_000)
  const append = async (from: { offset: number; state: string }, end: number) => {
    const source = Readable.from([bytes.subarray(from.offset, end)])
    return (await store.append(ID, { from, source, maxBytes: bytes.length })) ?? assert.fail('lost')
  }
  const first = await append(store.beginUpload('sha256'), 7_000_000)
  const isFull = { code: 'STORAGE_FULL' }
  store.bucket.writeFault = new OciError('STORAGE_FULL')
  await assert.rejects(append(first, bytes.length), isFull)
  store.bucket.writeFault = undefined
  const second = await append(first, bytes.length)
  store.bucket.writeFault = new OciError('STORAGE_FULL')
  await assert.rejects(store.commit(ID, second, hashContent(bytes)), isFull)
  store.bucket.writeFault = undefined
  assert.equal(await store.commit(ID, second, hashContent(bytes)), hashContent(bytes))
  assert.deepEqual(await store.stat(hashContent(bytes)), { size: bytes.length })
})
