import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegistryRooms } from '../../test/support/memory/registry-room.ts'
import { OciError } from '../oci/errors.ts'
import { createRegistry } from './create-registry.ts'
import { CHECK_STANDS_MS } from './share-check.ts'

test('`check()` fails as the bytes or the facts fail, and stands for a moment once it went well', async () => {
  await using rooms = await RegistryRooms.open()
  const room = rooms.enter()
  const { registry, blobs } = room
  await registry.check()
  blobs.bucket.writeFault = new OciError('STORAGE_FULL')
  await registry.check()
  room.pass(CHECK_STANDS_MS)
  await assert.rejects(registry.check(), { code: 'STORAGE_FULL' })
  blobs.bucket.writeFault = undefined
  await registry.check()
  const metadata = { ...room.metadata, check: () => Promise.reject(new OciError('UNAVAILABLE')) }
  const policy = { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 }
  await assert.rejects(createRegistry({ blobs, metadata, policy }).check(), { code: 'UNAVAILABLE' })
})
