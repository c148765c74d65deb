import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { API_ERRORS } from './frame/api-error.ts'

const PAGE = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')

test('docs/api.md lists every code of the API, with its status and its title', () => {
  const listed = [...PAGE.matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| ([^|]+) \| [^|]+ \|$/gm)].map((row) =>
    row.slice(1),
  )
  const declared = Object.entries(API_ERRORS).map(([code, { status, message }]) => [
    code,
    String(status),
    message,
  ])
  assert.deepEqual(listed, declared)
})
