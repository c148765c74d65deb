import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../test/support/content/seeded-random.ts'
import { matchesCryptHash } from '../passwords/crypt-hash.ts'
import { readHash } from '../passwords/hash-forms.ts'
import { parseHtpasswd } from './htpasswd-format.ts'

const CASES = 4_000 * FUZZ_SHARE
const MD5_TAIL = 'ZVv9WoCl5Q0Kz2Yw4JX7p1'
const HASHES = [
  '$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
  `$apr1$abcdefgh$${MD5_TAIL}`,
  `$1$ab$${MD5_TAIL}`,
  `$5$rounds=5000$salt$${'b'.repeat(43)}`,
  `$6$salt$${'c'.repeat(86)}`,
  '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=',
  '{SSHA}BISytF924CQwUjiaQ5YN5OjNbK9zYWx0',
  '{PLAIN}in clear',
  'rqXexS6ZhobKA',
  '$y$j9T$abc$def',
  'topsecret',
]
const NAMES = ['alice', 'bob', 'n', 'nina', 'a b', 'ünal', '#x', '', 'a'.repeat(300)]
const PIECES = [
  '\n',
  '\r\n',
  '\r',
  ':',
  '::',
  '#',
  ' ',
  '\t',
  'n',
  '$',
  '$6$',
  '{SHA}',
  '\uFEFF',
  '\0',
  '\u2028',
  '%',
]

/** The text of a file that is nearly right. */
function makeText(random: SeededRandom): string {
  let text = random.chance(0.1) ? '\uFEFF' : ''
  for (let lines = random.between(0, 8); lines > 0; lines--) {
    text += `${random.pick(NAMES)}:${random.pick(HASHES)}`
    text += random.pick(['\n', '\n', '\r\n', 'n', '\\n', ':comment\n', ' \n', ''])
  }
  for (let changes = random.between(0, 4); changes > 0; changes--) {
    const [at, cut] = [random.between(0, text.length), random.chance(0.5) ? random.between(0, 20) : 0]
    text = text.slice(0, at) + (random.pick(PIECES) ?? '') + text.slice(at + cut)
  }
  return text
}

/** The hash that nginx finds for a name, by its own algorithm: one character after the other. */
function findAsNginxDoes(text: string, name: string): string | undefined {
  const login = `${name}:`
  let state: 'login' | 'skip' | 'password' = 'login'
  let matched = 0
  let begin = 0
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (state === 'password') {
      if (character === '\n' || character === '\r' || character === ':') return text.slice(begin, index)
    } else if (character === '\n') {
      state = 'login'
      matched = 0
    } else if (state === 'login') {
      const isSkipped =
        (matched === 0 && (character === '#' || character === '\r')) || character !== login[matched]
      if (isSkipped) state = 'skip'
      else if (++matched === login.length) {
        state = 'password'
        begin = index + 1
      }
    }
  }
  return state === 'password' ? text.slice(begin) : undefined
}

test('`parseHtpasswd()` never lets in by another hash than nginx would take, but for a stray n', () => {
  const random = new SeededRandom('htpasswd')
  let usable = 0
  for (let index = 0; index < CASES; index++) {
    const text = makeText(random)
    const { accounts, warnings, costliest } = parseHtpasswd(text, { weakHashes: true })
    const withoutMark = text.replace(/^\uFEFF/, '')
    for (const { name, hash, costUs } of accounts.values()) {
      if (hash === undefined) continue
      usable++
      const expected = findAsNginxDoes(withoutMark, name)
      const isSame = expected === hash || expected?.trimEnd() === hash
      assert.ok(
        isSame || hasStrayN(withoutMark, { name, hash }),
        JSON.stringify({ text, name, hash, expected }),
      )
      assert.ok(costliest && costUs <= costliest.costUs)
    }
    assert.ok(warnings.length <= 20)
    for (const warning of warnings) {
      assert.match(warning, /^line \d+: /)
      for (const hash of HASHES) assert.equal(warning.includes(hash.slice(0, 13)), false, warning)
    }
  }
  assert.ok(usable > CASES / 2, `${usable}`)
})

function hasStrayN(text: string, { name, hash }: { name: string; hash: string }): boolean {
  return [`${name}:${hash}n`, `${name}:${hash}\\n`, `n${name}:${hash}`].some((piece) => text.includes(piece))
}

test('`parseHtpasswd()` says of each beginning of a file that ends in a hash that it is torn, or drops the name', () => {
  const random = new SeededRandom('htpasswd torn')
  for (let index = 0; index < 300; index++) {
    const hash = random.pick(HASHES.filter((each) => !/^\{PLAIN|^\{SSHA|^top|^\$y/.test(each))) ?? ''
    const text = `alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nbob:${hash}`
    const cut = text.slice(0, random.between(text.indexOf('bob') + 1, text.length - 1))
    assert.equal(parseHtpasswd(cut, { weakHashes: true }).isTorn, true, cut)
  }
})

test('`matchesCryptHash()` takes whatever `readHash()` calls usable, and matches nothing with it', async () => {
  const random = new SeededRandom('htpasswd hashes')
  const characters = './0123456789ABCXYZabcxyz'
  const make = (length: number): string => Array.from({ length }, () => random.pick([...characters])).join('')
  const forms: readonly (() => string)[] = [
    () => `$2${random.pick(['a', 'b', 'y'])}$04$${make(53)}`,
    () => `$1$${make(random.between(0, 8))}$${make(22)}`,
    () => `$apr1$${make(random.between(0, 8))}$${make(22)}`,
    () => `$5$rounds=1000$${make(random.between(0, 16))}$${make(43)}`,
    () => `$6$rounds=1000$${make(random.between(0, 16))}$${make(86)}`,
    () => make(13),
  ]
  for (let index = 0; index < 120; index++) {
    const hash = random.pick(forms)?.() ?? ''
    assert.equal(readHash(hash, { weakHashes: true }).state, 'usable', hash)
    assert.equal(await matchesCryptHash(make(random.between(1, 100)), hash), false, hash)
  }
})
