import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { UploadId } from '../../oci/request.ts'
import { UploadLocks } from './upload-locks.ts'

test('`UploadLocks` gives the turn of a session to one request at a time, without regard to others', async () => {
  const locks = new UploadLocks()
  const [a, b] = ['a', 'b'] as unknown as [UploadId, UploadId]
  const turn = locks.take(a)
  assert.throws(() => locks.take(a), { code: 'RANGE_INVALID' })
  await using _other = locks.take(b)
  await turn[Symbol.asyncDispose]()
  await using _again = locks.take(a)
})
