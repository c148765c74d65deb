import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { normalizeHost, parseAuthority } from './host-name.ts'

const AUTHORITIES: Readonly<Record<string, readonly [host: string, port?: number] | undefined>> = {
  'example.com': ['example.com'],
  'EXAMPLE.Com.': ['example.com'],
  'example.com:8443': ['example.com', 8443],
  'example.com:': ['example.com'],
  'a_b.example': ['a_b.example'],
  localhost: ['localhost'],
  '192.0.2.1:80': ['192.0.2.1', 80],
  '[2001:DB8:0:0:0:0:0:1]:443': ['2001:db8::1', 443],
  '[::1]': ['::1'],
  '[::ffff:192.0.2.1]': ['192.0.2.1'],
  'xn--bcher-kva.example': ['xn--bcher-kva.example'],
  'a--b.example': ['a--b.example'],
  '': undefined,
  '.': undefined,
  ':80': undefined,
  '.example.com': undefined,
  'example..com': undefined,
  'example.com..': undefined,
  'example.com:0': undefined,
  'example.com:65536': undefined,
  'example.com:80:80': undefined,
  'example.com:x': undefined,
  'user@example.com': undefined,
  'example.com/': undefined,
  'example.com?': undefined,
  'example.com,evil.example': undefined,
  'example.com evil': undefined,
  ' example.com': undefined,
  'exa%6dple.com': undefined,
  'b\xfccher.example': undefined,
  'exam\0ple.com': undefined,
  '-a.example': undefined,
  '::1': undefined,
  '[::1': undefined,
  '[fe80::1%25eth0]': undefined,
  '[v1.x]': undefined,
  [`${'a'.repeat(63)}.example`]: [`${'a'.repeat(63)}.example`],
  [`${'a'.repeat(64)}.example`]: undefined,
  [`${'a.'.repeat(126)}a`]: [`${'a.'.repeat(126)}a`],
  [`${'a.'.repeat(126)}ab`]: undefined,
}
for (const [text, expected] of Object.entries(AUTHORITIES)) {
  test(`\`parseAuthority()\` ${expected ? 'reads' : 'refuses'} ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.deepEqual(parseAuthority(text), expected && { host: expected[0], port: expected[1] })
  })
}

test('`normalizeHost()` writes names of other scripts in ASCII', () => {
  assert.equal(normalizeHost('B\u00fccher.Example'), 'xn--bcher-kva.example')
  assert.equal(normalizeHost('\u4f8b\u3048.jp.'), 'xn--r8jz45g.jp')
  for (const bad of ['', '\u00ad', 'a b.example', 'a/\u00fc', `${'\u00fc'.repeat(300)}.example`]) {
    assert.equal(normalizeHost(bad), undefined, bad)
  }
})

test('`parseAuthority()` and `normalizeHost()` agree, and answer any text', () => {
  const random = new SeededRandom('host-name')
  const signs = [...'ab.-_0:[]@%/ \0\xfc\u4f8bXN']
  for (let round = 0; round < 30_000 * FUZZ_SHARE; round++) {
    let text = ''
    for (let length = random.between(0, 12); length > 0; length--) text += random.pick(signs) ?? ''
    const host = parseAuthority(text)?.host
    normalizeHost(text)
    if (host === undefined || host.includes(':')) continue
    assert.equal(normalizeHost(host), host)
    assert.equal(parseAuthority(`${host.toUpperCase()}.:80`)?.host, host)
  }
})
