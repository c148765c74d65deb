import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { OCI_ERRORS, OciError, type OciErrorCode } from './errors.ts'

const PAGE = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
/** `| code | status | default message | what to do |`. */
const ROW = /^\| `([A-Z_]+)` \| (\d{3}) \| ([^|]+) \| ([^|]+) \|$/gm

test('docs/errors.md lists every code of `OCI_ERRORS` with its status and message, and nothing else', () => {
  const listed = [...PAGE.matchAll(ROW)].map(([, code, status, message]) => [code, Number(status), message])
  const declared = Object.entries(OCI_ERRORS).map(([code, { status, message }]) => [code, status, message])
  assert.deepEqual(listed, declared)
})

test('docs/errors.md has no row that its check would not read', () => {
  const rows = PAGE.split('\n').filter((line) => line.startsWith('| `'))
  assert.equal(rows.length, [...PAGE.matchAll(ROW)].length)
})

test("`OciError` takes its table's status and message unless options replace them", () => {
  for (const [code, { status, message }] of Object.entries(OCI_ERRORS)) {
    const error = new OciError(code as OciErrorCode)
    assert.deepEqual([error.status, error.message, error.detail], [status, message, undefined])
  }
  const cause = new Error('disk')
  const custom = new OciError('SIZE_INVALID', { message: 'too large', status: 413, retryAfterS: 2, cause })
  assert.deepEqual(
    [custom.status, custom.message, custom.retryAfterS, custom.cause],
    [413, 'too large', 2, cause],
  )
})
