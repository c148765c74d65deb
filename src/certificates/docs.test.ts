import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { CERTIFICATE_FINDINGS } from './check/findings.ts'

const PAGE = readFileSync(new URL('../../docs/certificates.md', import.meta.url), 'utf8')

test('docs/certificates.md lists exactly the findings there are, with their severity', () => {
  const listed = [...PAGE.matchAll(/^\| `([A-Z_]+)` \| (\w+) \|/gm)].map(([, code, severity]) => [
    code,
    severity,
  ])
  const declared = Object.entries(CERTIFICATE_FINDINGS).map(([code, { severity }]) => [code, severity])
  assert.deepEqual(listed, declared)
})
