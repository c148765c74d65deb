import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHtpasswd } from './htpasswd-format.ts'

const BODY = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const hashOf = (kind: string, cost = '10') => `$${kind}$${cost}$${BODY}`
const HASH = hashOf('2y')

test('`parseHtpasswd()` reads names and bcrypt hashes, and skips comments and blank lines', () => {
  const text = [
    '\uFEFF# people',
    `alice:${hashOf('2y')}`,
    '',
    `bob:${hashOf('2b')}\r`,
    '  \r',
    `#carol:${HASH}`,
    `Dave Smith:${hashOf('2a', '12')}:a comment`,
    `ünal:${HASH}   `,
  ].join('\n')
  const { accounts, warnings, highestCost, isTorn } = parseHtpasswd(text)
  assert.deepEqual([...accounts.keys()], ['alice', 'bob', 'Dave Smith', 'ünal'])
  assert.deepEqual(
    [...accounts.values()].map((account) => account.bcryptHash),
    [hashOf('2y'), hashOf('2b'), hashOf('2a', '12'), HASH],
  )
  assert.deepEqual({ warnings, highestCost, isTorn }, { warnings: [], highestCost: 12, isTorn: false })
})

const UNUSABLE: readonly (readonly [what: string, secret: string, warning: RegExp])[] = [
  ['Apache MD5', '$apr1$abcdefgh$ZVv9WoCl5Q0Kz2Yw4JX7p1', /only bcrypt/],
  ['SHA-1', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /only bcrypt/],
  ['DES crypt', 'rqXexS6ZhobKA', /only bcrypt/],
  ['SHA-512 crypt', '$6$saltsalt$abc', /only bcrypt/],
  ['plain text', 'topsecret', /only bcrypt/],
  ['nothing', '', /only bcrypt/],
  ['a cost of 15', hashOf('2y', '15'), /above 14/],
  ['a cost of 31', hashOf('2y', '31'), /above 14/],
  ['a cost of 3', hashOf('2y', '03'), /below 4/],
  ['a cost of one digit', hashOf('2y', '8'), /incomplete or malformed/],
  ['another letter', hashOf('2x'), /only bcrypt/],
  ['a hash too short', HASH.slice(0, -1), /incomplete or malformed/],
  ['a hash too long', `${HASH}a`, /incomplete or malformed/],
]

for (const [what, secret, warning] of UNUSABLE) {
  test(`\`parseHtpasswd()\` keeps an account with ${what}, unusable, and warns without saying the hash`, () => {
    const { accounts, warnings } = parseHtpasswd(`ok:${HASH}\nalice:${secret}\n`)
    assert.equal(accounts.get('alice')?.bcryptHash, undefined)
    assert.ok(accounts.has('alice') && accounts.get('ok')?.bcryptHash)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /^line 2: /)
    assert.match(warnings[0] ?? '', warning)
    assert.equal(warnings[0]?.includes('alice') || (secret !== '' && warnings[0]?.includes(secret)), false)
  })
}

test('`parseHtpasswd()` warns of lines that are no account, and lets the first line of a name count', () => {
  const text = ['no colon', `:${HASH}`, `${'n'.repeat(256)}:${HASH}`, `a:${HASH}`, 'a:other', ''].join('\n')
  const { accounts, warnings } = parseHtpasswd(text)
  assert.deepEqual([...accounts.keys()], ['a'])
  assert.equal(accounts.get('a')?.bcryptHash, HASH)
  assert.deepEqual(
    warnings.map((warning) => warning.slice(0, 7)),
    ['line 1:', 'line 2:', 'line 3:', 'line 5:', 'line 5:'],
  )
})

test('`parseHtpasswd()` gives another version to another name or hash', () => {
  const versionOf = (line: string) => [...parseHtpasswd(line).accounts.values()][0]?.version
  assert.equal(versionOf(`a:${HASH}`), versionOf(`a:${HASH}\r\n`))
  const lines = [`a:${HASH}`, `b:${HASH}`, `a:${hashOf('2b')}`, 'a:x']
  assert.equal(new Set(lines.map(versionOf)).size, lines.length)
})

test('`parseHtpasswd()` bounds its lines and warnings', () => {
  const { accounts, warnings } = parseHtpasswd(
    Array.from({ length: 20_000 }, (_, index) => `u${index}:x`).join('\n'),
  )
  assert.equal(accounts.size, 10_000)
  assert.equal(warnings.length, 20)
})

test('`parseHtpasswd()` tells a file that ends within a line, wherever a write was cut off', () => {
  const whole = `alice:${HASH}\nbob:${HASH}`
  const begin = whole.indexOf('bob')
  for (let length = begin + 1; length < whole.length; length++) {
    assert.equal(parseHtpasswd(whole.slice(0, length)).isTorn, true, whole.slice(begin, length))
  }
  for (const text of [
    '',
    '\n',
    whole,
    `${whole}\n`,
    `${whole}\r\n`,
    `${whole}\n  `,
    `${whole}\n# half a com`,
  ]) {
    assert.equal(parseHtpasswd(text).isTorn, false, JSON.stringify(text.slice(-20)))
  }
})
