import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenge } from './challenge.ts'

const CASES: readonly [string | null, unknown][] = [
  [null, undefined],
  ['', undefined],
  ['Digest realm="x"', undefined],
  ['Basic realm="Berth"', { scheme: 'basic', parameters: { realm: 'Berth' } }],
  [
    'Bearer realm="https://r/token",service="r",scope="repository:a/b:pull,push"',
    {
      scheme: 'bearer',
      parameters: { realm: 'https://r/token', service: 'r', scope: 'repository:a/b:pull,push' },
    },
  ],
  ['bearer realm=plain, service=r', { scheme: 'bearer', parameters: { realm: 'plain', service: 'r' } }],
  [
    'Basic realm="a, Bearer b", Bearer realm="https://r/token"',
    { scheme: 'bearer', parameters: { realm: 'https://r/token' } },
  ],
  ['Basic realm="quo\\"ted"', { scheme: 'basic', parameters: { realm: 'quo"ted' } }],
  [`Bearer realm="${'x'.repeat(9000)}"`, undefined],
]

for (const [header, expected] of CASES) {
  test(`parseChallenge() reads ${header === null ? 'no header' : header.slice(0, 60)}`, () => {
    assert.deepEqual(parseChallenge(header), expected)
  })
}
