import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toOriginForm } from './origin-form.ts'

/** A target as sent -> without scheme and host, and the host. */
const ROWS: readonly (readonly [url: string, target: string, authority?: string])[] = [
  ['/a?b', '/a?b'],
  ['*', '*'],
  ['http://a.test:80/x?y', '/x?y', 'a.test:80'],
  ['HTTPS://A.test', '/', 'A.test'],
  ['https://a.test?y', '/?y', 'a.test'],
  ['http://u:p@a.test/x', '/x', 'u:p@a.test'],
  ['//a.test/x', '//a.test/x'],
  ['ftp://a.test/x', 'ftp://a.test/x'],
  ['a.test:443', 'a.test:443'],
]

for (const [url, target, targetAuthority] of ROWS) {
  test(`\`toOriginForm()\` of ${url}`, () => assert.deepEqual(toOriginForm(url), { target, targetAuthority }))
}
