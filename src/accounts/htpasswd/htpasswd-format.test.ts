import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertGrowsLinearly } from '../../../test/support/machine/cpu-time.ts'
import { parseHtpasswd } from './htpasswd-format.ts'

const BODY = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const hashOf = (kind: string, cost = '10') => `$${kind}$${cost}$${BODY}`
const HASH = hashOf('2y')

test('`parseHtpasswd()` reads names and hashes, and skips comments and blank lines', () => {
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
  const { accounts, warnings, costliest, isTorn } = parseHtpasswd(text)
  assert.deepEqual([...accounts.keys()], ['alice', 'bob', 'Dave Smith', 'ünal'])
  assert.deepEqual(
    [...accounts.values()].map((account) => account.hash),
    [hashOf('2y'), hashOf('2b'), hashOf('2a', '12'), HASH],
  )
  assert.deepEqual([warnings, costliest?.hash, isTorn], [[], hashOf('2a', '12'), false])
})

const MD5_TAIL = 'ZVv9WoCl5Q0Kz2Yw4JX7p1'
const UNUSABLE: readonly (readonly [what: string, secret: string, warning: RegExp])[] = [
  ['Apache MD5 of a tail too short', '$apr1$abcdefgh$ZVv9WoCl5Q0Kz2Yw4JX7p', /incomplete or malformed/],
  ['Apache MD5 of a salt too long', `$apr1$abcdefghi$${MD5_TAIL}`, /incomplete or malformed/],
  ['SHA-1 without its end', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g', /incomplete or malformed/],
  ['salted SHA-1 without a salt', '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /incomplete or malformed/],
  ['salted SHA-1 in odd base64', '{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9ixy', /incomplete or malformed/],
  ['DES crypt', 'rqXexS6ZhobKA', /DES crypt .*weak-hashes/],
  ['clear text by name', '{PLAIN}top secret', /clear text .*weak-hashes/],
  ['SHA-512 crypt too short', '$6$saltsalt$abc', /incomplete or malformed/],
  ['SHA-256 crypt of too many rounds', `$5$rounds=1000001$s$${'a'.repeat(43)}`, /more than 1000000 rounds/],
  ['SHA-512 crypt of nine-digit rounds', `$6$rounds=999999999$s$${'a'.repeat(86)}`, /more than 1000000/],
  ['SHA-512 crypt of too few rounds', `$6$rounds=999$s$${'a'.repeat(86)}`, /incomplete or malformed/],
  ['SHA-512 crypt of rounds with a zero', `$6$rounds=05000$s$${'a'.repeat(86)}`, /incomplete or malformed/],
  ['SHA-512 crypt of three-digit rounds', `$6$rounds=500$${'a'.repeat(86)}`, /incomplete or malformed/],
  ['yescrypt', '$y$j9T$abc$def', /yescrypt/],
  ['gost-yescrypt', '$gy$j9T$abc$def', /yescrypt/],
  ['scrypt', '$7$CU..../....abc$def', /scrypt/],
  ['argon2i', '$argon2i$v=19$m=4096,t=3,p=1$c29tZXNhbHQ$abc', /argon2 other than/],
  [
    'argon2id that costs too much',
    `$argon2id$v=19$m=4194304,t=3,p=1$${'c'.repeat(22)}$${'c'.repeat(43)}`,
    /too much/,
  ],
  ['extended DES', '_J9..CCCCXBrJUJV154M', /extended DES/],
  ['NT hash', '$3$$8846f7eaee8fb117ad06bdd830b7586c', /rare form/],
  ['LDAP form', '{CRYPT}rqXexS6ZhobKA', /LDAP/],
  ['plain text', 'topsecret', /no hash of a known form/],
  ['longer plain text', 'correct horse battery', /no hash of a known form/],
  ['nothing', '', /no hash/],
  ['a cost of 15', hashOf('2y', '15'), /above 14/],
  ['a cost of 31', hashOf('2y', '31'), /above 14/],
  ['a cost of 3', hashOf('2y', '03'), /below 4/],
  ['a cost of one digit', hashOf('2y', '8'), /incomplete or malformed/],
  ['bcrypt of the early kind', hashOf('2x'), /\$2x\$/],
  ['bcrypt without a letter', hashOf('2'), /\$2x\$/],
  ['a hash too short', HASH.slice(0, -1), /incomplete or malformed/],
  ['a hash too long', `${HASH}a`, /incomplete or malformed/],
]

for (const [what, secret, warning] of UNUSABLE) {
  test(`\`parseHtpasswd()\` keeps an account with ${what}, unusable, and warns without saying the hash`, () => {
    const { accounts, warnings } = parseHtpasswd(`ok:${HASH}\nalice:${secret}\n`)
    assert.equal(accounts.get('alice')?.hash, undefined)
    assert.ok(accounts.has('alice') && accounts.get('ok')?.hash)
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
  assert.equal(accounts.get('a')?.hash, HASH)
  assert.deepEqual(
    warnings.map((warning) => warning.slice(0, 7)),
    ['line 1:', 'line 2:', 'line 3:', 'line 5:', 'line 5:'],
  )
})

const WEAK: readonly (readonly [what: string, secret: string, warning: RegExp, needsSwitch: boolean])[] = [
  ['MD5 crypt', `$1$saltsalt$${MD5_TAIL}`, /MD5 crypt/, false],
  ['SHA-1', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /SHA-1 without a salt/, false],
  ['clear text', '{PLAIN}top secret ', /clear text/, true],
  ['DES crypt', 'rqXexS6ZhobKA', /DES crypt/, true],
]

for (const [what, secret, warning, needsSwitch] of WEAK) {
  test(`\`parseHtpasswd()\` takes ${what} ${needsSwitch ? 'if weak forms are allowed' : 'always'}, and warns`, () => {
    const read = (weakHashes: boolean) => parseHtpasswd(`# x\nalice:${secret}\n`, { weakHashes })
    assert.equal(read(true).accounts.get('alice')?.hash, secret)
    assert.equal(read(false).accounts.get('alice')?.hash, needsSwitch ? undefined : secret)
    for (const { warnings } of [read(true), read(false)]) {
      assert.equal(warnings.length, 1)
      assert.match(warnings[0] ?? '', /^line 2: /)
      assert.match(warnings[0] ?? '', warning)
      assert.equal(warnings[0]?.includes('alice') || warnings[0]?.includes(secret), false)
    }
  })
}

test('`parseHtpasswd()` ends names and hashes where nginx does', () => {
  const text = [
    `a b:${HASH}:comment:more`,
    `#no:${HASH}`,
    ` #lead:${HASH}`,
    `cr:${HASH}\rjunk`,
    'plain:{PLAIN}with blanks  ',
  ].join('\n')
  const { accounts } = parseHtpasswd(text, { weakHashes: true })
  assert.deepEqual(
    [...accounts.values()].map(({ name, hash }) => [name, hash]),
    [
      ['a b', HASH],
      [' #lead', HASH],
      ['cr', HASH],
      ['plain', '{PLAIN}with blanks  '],
    ],
  )
})

const ENDING_HASHES = [
  'rqXexS6ZhobKA',
  HASH,
  `$apr1$abcdefgh$${MD5_TAIL}`,
  `$1$abcdefgh$${MD5_TAIL}`,
  `$5$salt$${'a'.repeat(43)}`,
  `$6$rounds=2000$salt$${'a'.repeat(86)}`,
  '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
]

for (const secret of ENDING_HASHES) {
  test(`\`parseHtpasswd()\` understands ${secret.slice(0, 5)}… that \`printf\` wrote with an n for \\n`, () => {
    const read = (text: string) => parseHtpasswd(text, { weakHashes: true })
    const hashes = (text: string) => [...read(text).accounts.values()].map(({ name, hash }) => [name, hash])
    const one = `alice:${secret}n`
    assert.deepEqual(hashes(one), [['alice', secret]])
    const three = `${one}nina:${secret}nbob:${secret}n`
    assert.deepEqual(hashes(three), [
      ['alice', secret],
      ['nina', secret],
      ['bob', secret],
    ])
    assert.deepEqual(hashes(three.replaceAll(`${secret}n`, `${secret}\\n`)), hashes(three))
    assert.equal(read(three).isTorn, false)
    assert.equal(read(`${one}bo`).isTorn, true)
    assert.equal(read(`${one}bob:${secret.slice(0, -1)}`).isTorn, true)
    const found = read(three).warnings.filter((warning) => warning.includes('printf'))
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', /^line 1: /)
  })
}

test('`parseHtpasswd()` bounds the accounts of one glued line', () => {
  const glue = (count: number): string => 'a:rqXexS6ZhobKAn'.repeat(count)
  assertGrowsLinearly((count) => () => void parseHtpasswd(glue(count), { weakHashes: true }), 60_000)
  const { accounts, warnings } = parseHtpasswd(glue(60_000), { weakHashes: true })
  assert.equal(accounts.size, 1)
  assert.ok(warnings.length <= 20)
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

test('`parseHtpasswd()` warns of names that can own no repository, where they are accounts of the registry', () => {
  const names = ['carol', 'UPPER', 'a@b.c', 'm\u00fcller', 'alice/app', 'a--b', 'x'.repeat(65), 'ok.name']
  const text = names.map((name) => `${name}:${HASH}\n`).join('')
  assert.deepEqual(parseHtpasswd(text).warnings, [])
  const { warnings, accounts } = parseHtpasswd(text, { hasOwners: true })
  assert.equal(accounts.size, names.length, 'they log in all the same')
  assert.deepEqual(
    warnings.map((warning) => /^line (\d): the user can log in and push nowhere/.exec(warning)?.[1]),
    ['2', '3', '4', '5', '6', '7'],
  )
  assert.doesNotMatch(warnings.join(), /UPPER|alice|ller/)
  const [first] = parseHtpasswd(`UPPER:${HASH}\nbob:$y$x\n`, { hasOwners: true }).warnings
  assert.match(first ?? '', /^line 2: /, 'what locks somebody out stands first')
})
