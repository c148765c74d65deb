import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { Appended } from '../../blobs/blob-store.ts'
import type { UploadRow } from '../../metadata/metadata.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import { refuseUnfit, roomFor, type UploadBody } from './upload-body.ts'

const AT_TEN: UploadRow = {
  id: 'A'.repeat(22) as UploadId,
  repository: parseRepositoryName('alice/app'),
  principal: 'user:1',
  offset: 10,
  state: '',
}

function bodyOf(range: [start: number, end: number] | undefined, length?: number): UploadBody {
  return { source: Readable.from([]), range: range && { start: range[0], end: range[1] }, length }
}

test('`roomFor()` takes a body without a place, and one in the place where the session goes on', () => {
  for (const body of [bodyOf(undefined), bodyOf(undefined, 5), bodyOf([10, 15]), bodyOf([10, 15], 5)]) {
    assert.equal(roomFor(AT_TEN, body, 0), Number.MAX_SAFE_INTEGER)
    assert.equal(roomFor(AT_TEN, body, 15), 5)
    assert.equal(roomFor(AT_TEN, body, 100), 90)
  }
})

const REFUSED = [
  { why: 'before the offset', body: bodyOf([9, 15]), code: 'RANGE_INVALID', status: 416 },
  { why: 'behind the offset', body: bodyOf([11, 15]), code: 'RANGE_INVALID', status: 416 },
  { why: 'shorter than its range', body: bodyOf([10, 15], 4), code: 'SIZE_INVALID', status: 400 },
  { why: 'longer than its range', body: bodyOf([10, 15], 6), code: 'SIZE_INVALID', status: 400 },
  { why: 'larger than a blob may be', body: bodyOf(undefined, 91), code: 'SIZE_INVALID', status: 413 },
]

for (const { why, body, code, status } of REFUSED) {
  test(`\`roomFor()\` refuses a body ${why}`, () => {
    assert.throws(() => roomFor(AT_TEN, body, 100), { code, status })
  })
}

test('`refuseUnfit()` takes a body as long as its range, and any without one', () => {
  const ended = (offset: number, interruption?: Appended['interruption']) => ({
    appended: { offset, state: '', interruption },
    maxBlobBytes: 100,
  })
  refuseUnfit(AT_TEN, bodyOf([10, 15]), ended(15))
  refuseUnfit(AT_TEN, bodyOf(undefined), ended(12))
  for (const interruption of ['vanished', 'stalled'] as const)
    refuseUnfit(AT_TEN, bodyOf([10, 15]), ended(12, interruption))
  for (const end of [14, 16])
    assert.throws(() => refuseUnfit(AT_TEN, bodyOf([10, 15]), ended(end)), {
      code: 'SIZE_INVALID',
      status: 400,
    })
  assert.throws(() => refuseUnfit(AT_TEN, bodyOf(undefined), ended(12, 'too-large')), {
    code: 'SIZE_INVALID',
    status: 413,
  })
})
