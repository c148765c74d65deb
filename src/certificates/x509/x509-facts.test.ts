import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import { coversHost, hostKey, namesOf } from './x509-facts.ts'

const names = namesOf(
  makePaper('example.com', {
    names: [
      'example.com',
      '*.example.com',
      'xn--bcher-kva.example',
      '*.deep.a.example.org',
      '192.0.2.7',
      '2001:db8::1',
    ],
  }).certificate,
)

const COVERS: readonly (readonly [host: string, isCovered: boolean])[] = [
  ['example.com', true],
  ['EXAMPLE.com.', true],
  ['www.example.com', true],
  ['a.b.example.com', false],
  ['*.example.com', true],
  ['*.www.example.com', false],
  ['notexample.com', false],
  ['.example.com', false],
  ['bücher.example', true],
  ['xn--bcher-kva.example', true],
  ['www.bücher.example', false],
  ['x.deep.a.example.org', true],
  ['deep.a.example.org', false],
  ['192.0.2.7', true],
  ['192.0.2.8', false],
  ['2001:DB8:0:0::1', true],
  ['[2001:db8::1]', true],
  ['2001:db8::2', false],
  ['com', false],
  ['', false],
]
for (const [host, isCovered] of COVERS) {
  test(`\`coversHost()\` says ${isCovered} of ${JSON.stringify(host)}`, () => {
    assert.equal(coversHost(names, hostKey(host)), isCovered)
  })
}

test('`namesOf()` does not take the common name for a name', () => {
  assert.deepEqual(namesOf(makePaper('example.com', { isServer: true }).certificate), {
    dns: [],
    addresses: [],
  })
})
