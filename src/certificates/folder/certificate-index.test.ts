// long: the whole order of choosing a certificate, one rule after the other
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CertificateIndex, type CertificateRule } from './certificate-index.ts'
import type { FolderPair } from './read-folder.ts'

const NOW = Date.UTC(2030, 0, 1)
const DAY_MS = 86_400_000

/** A pair as a folder has it, without files. */
function makePair(
  name: string,
  dns: readonly string[],
  more: Partial<FolderPair> & { days?: number; own?: boolean } = {},
) {
  const { days = 60, own = false, ...rest } = more
  const pair: FolderPair = {
    name,
    isNamed: true,
    certFile: `/certs/${name}.crt`,
    keyFile: `/certs/${name}.key`,
    isTest: false,
    problem: undefined,
    remedy: undefined,
    version: '',
    folders: [],
    pair: {
      names: { dns, addresses: [] },
      notBefore: NOW - 30 * DAY_MS,
      notAfter: NOW + days * DAY_MS,
      issuer: 'A CA',
      fingerprint: name,
      isSelfSigned: own,
      chainPem: '',
      keyPem: '',
    },
    ...rest,
  }
  return pair
}

const refused = (name: string): FolderPair =>
  makePair(name, [], { pair: undefined, problem: 'the key is missing' })

interface Row {
  readonly what: string
  readonly pairs: readonly FolderPair[]
  readonly host: string
  readonly certificateName?: string
  readonly isDefaultTrusted?: boolean
  /** Name of the pair and the rule; undefined: none. */
  readonly expected: readonly [string, CertificateRule] | undefined
  readonly note?: RegExp
}

const ROWS: readonly Row[] = [
  {
    what: 'the name that was asked for, before that of the host',
    pairs: [makePair('a.example.com', ['a.example.com']), makePair('shared', ['a.example.com'])],
    host: 'a.example.com',
    certificateName: 'shared',
    expected: ['shared', 'certificate-name'],
  },
  {
    what: 'nothing else if the name that was asked for is missing',
    pairs: [makePair('a.example.com', ['a.example.com']), makePair('default', [])],
    host: 'a.example.com',
    certificateName: 'shared',
    expected: undefined,
    note: /shared is requested by its name and is not in the folder/,
  },
  {
    what: 'as if no name was asked for, if it is empty',
    pairs: [makePair('a.example.com', ['a.example.com'])],
    host: 'a.example.com',
    certificateName: '',
    expected: ['a.example.com', 'host'],
  },
  {
    what: 'the name asked for although it does not cover the host, and says so',
    pairs: [makePair('shared', ['b.example.com'])],
    host: 'a.example.com',
    certificateName: 'shared',
    expected: ['shared', 'certificate-name'],
    note: /does not cover a.example.com/,
  },
  {
    what: 'the pair of the host before the wildcard of its parent',
    pairs: [
      makePair('example.com', ['*.example.com'], { days: 900 }),
      makePair('a.example.com', ['a.example.com']),
    ],
    host: 'A.example.com.',
    expected: ['a.example.com', 'host'],
  },
  {
    what: 'the parent, one level up',
    pairs: [makePair('example.com', ['example.com', '*.example.com'])],
    host: 'a.example.com',
    expected: ['example.com', 'parent'],
  },
  {
    what: 'not the parent if its names do not cover the host, and says so',
    pairs: [makePair('example.com', ['example.com'])],
    host: 'a.example.com',
    expected: undefined,
    note: /example.com.crt does not cover a.example.com/,
  },
  {
    what: 'not the parent of a parent by its name, but by what it covers',
    pairs: [makePair('example.com', ['*.b.example.com'])],
    host: 'a.b.example.com',
    expected: ['example.com', 'covers'],
  },
  {
    what: 'not the parent of a name of two parts',
    pairs: [makePair('com', ['*.com', 'com'], { isTest: true })],
    host: 'example.com',
    expected: undefined,
  },
  {
    what: 'a literal *.parent before the parent',
    pairs: [makePair('example.com', ['*.example.com']), makePair('*.example.com', ['*.example.com'])],
    host: 'a.example.com',
    expected: ['*.example.com', 'parent'],
  },
  {
    what: 'a literal wildcard for a wildcard host, else its parent',
    pairs: [makePair('example.com', ['*.example.com'])],
    host: '*.example.com',
    expected: ['example.com', 'parent'],
  },
  {
    what: 'whatever covers the host, valid longest first',
    pairs: [
      makePair('x', ['a.example.com'], { days: 10 }),
      makePair('y', ['*.example.com'], { days: 20 }),
      makePair('z', ['a.example.com'], { days: 15 }),
    ],
    host: 'a.example.com',
    expected: ['z', 'covers'],
  },
  {
    what: 'what covers the host before the default, which covers nothing',
    pairs: [makePair('default', ['default.example']), makePair('x', ['a.example.com'])],
    host: 'a.example.com',
    expected: ['x', 'covers'],
  },
  {
    what: 'the default where nothing fits, and says that it does not cover the host',
    pairs: [makePair('default', ['default.example'])],
    host: 'a.example.com',
    expected: ['default', 'default'],
    note: /does not cover/,
  },
  {
    what: 'nothing where the default is not trusted',
    pairs: [makePair('default', ['default.example'])],
    host: 'a.example.com',
    isDefaultTrusted: false,
    expected: undefined,
    note: /no certificate that covers a.example.com, and default.crt is not trusted for it/,
  },
  {
    what: 'nothing where the default that covers the host is not trusted',
    pairs: [makePair('default', ['a.example.com'])],
    host: 'a.example.com',
    isDefaultTrusted: false,
    expected: undefined,
    note: /default.crt is not trusted for it/,
  },
  {
    what: 'a pair of its own where the default is not trusted',
    pairs: [makePair('default', ['a.example.com'], { days: 90 }), makePair('wild', ['*.example.com'])],
    host: 'a.example.com',
    isDefaultTrusted: false,
    expected: ['wild', 'covers'],
  },
  {
    what: 'the default that was asked for by its name, trusted or not',
    pairs: [makePair('default', ['default.example'])],
    host: 'a.example.com',
    certificateName: 'default',
    isDefaultTrusted: false,
    expected: ['default', 'certificate-name'],
  },
  {
    what: 'a valid pair by its names before an expired one of the host',
    pairs: [makePair('a.example.com', ['a.example.com'], { days: -1 }), makePair('x', ['*.example.com'])],
    host: 'a.example.com',
    expected: ['x', 'covers'],
  },
  {
    what: 'a fresh pair before one of the host that has all but expired',
    pairs: [
      makePair('a.example.com', ['a.example.com'], { days: 1, certFile: '/operator/a.crt' }),
      makePair('a.example.com', ['a.example.com'], { certFile: '/acme/a.crt' }),
    ],
    host: 'a.example.com',
    expected: ['/acme/a.crt', 'host'],
  },
  {
    what: 'a pair that has all but expired before nothing',
    pairs: [
      makePair('a.example.com', ['a.example.com'], { days: 1 }),
      makePair('default', ['default.example']),
    ],
    host: 'a.example.com',
    expected: ['a.example.com', 'host'],
  },
  {
    what: 'an expired pair where there is no other, and says so',
    pairs: [makePair('a.example.com', ['a.example.com'], { days: -1 })],
    host: 'a.example.com',
    expected: ['a.example.com', 'host'],
    note: /has expired on 2029-12-31/,
  },
  {
    what: 'a pair that fits before one of the host that does not cover it',
    pairs: [makePair('a.example.com', ['other.example']), makePair('x', ['a.example.com'])],
    host: 'a.example.com',
    expected: ['x', 'covers'],
  },
  {
    what: 'the pair of the host although it does not cover it, where there is no other',
    pairs: [makePair('a.example.com', ['other.example']), makePair('default', ['default.example'])],
    host: 'a.example.com',
    expected: ['a.example.com', 'host'],
    note: /does not cover a.example.com/,
  },
  {
    what: 'the first folder of two with the same name',
    pairs: [
      makePair('a.example.com', ['a.example.com'], { days: 5, certFile: '/first/a.crt' }),
      makePair('a.example.com', ['a.example.com'], { days: 50, certFile: '/second/a.crt' }),
    ],
    host: 'a.example.com',
    expected: ['/first/a.crt', 'host'],
  },
  {
    what: 'the second folder where the pair of the first has expired',
    pairs: [
      makePair('a.example.com', ['a.example.com'], { days: -5, certFile: '/first/a.crt' }),
      makePair('a.example.com', ['a.example.com'], { days: 50, certFile: '/second/a.crt' }),
    ],
    host: 'a.example.com',
    expected: ['/second/a.crt', 'host'],
  },
  {
    what: 'no test certificate by its names',
    pairs: [makePair('x', ['a.example.com'], { isTest: true, isNamed: false })],
    host: 'a.example.com',
    expected: undefined,
  },
  {
    what: 'a test certificate by its name, and says what it is',
    pairs: [makePair('a.example.com', ['a.example.com'], { isTest: true })],
    host: 'a.example.com',
    expected: ['a.example.com', 'host'],
    note: /staging side of a CA/,
  },
  {
    what: 'a CA-signed pair before a self-signed one',
    pairs: [makePair('x', ['a.example.com'], { days: 900, own: true }), makePair('y', ['a.example.com'])],
    host: 'a.example.com',
    expected: ['y', 'covers'],
  },
  {
    what: 'a folder of acme-companion without links by its names only',
    pairs: [makePair('a.example.com', ['b.example.com'], { isNamed: false })],
    host: 'a.example.com',
    expected: undefined,
  },
  {
    what: 'why the pair of the host cannot be used',
    pairs: [refused('a.example.com')],
    host: 'a.example.com',
    expected: undefined,
    note: /a.example.com.crt cannot be used: the key is missing/,
  },
  {
    what: 'why the pair that was asked for cannot be used',
    pairs: [refused('shared')],
    host: 'a.example.com',
    certificateName: 'shared',
    expected: undefined,
    note: /shared is requested by its name and cannot be used: the key is missing/,
  },
  {
    what: 'the last good pair while new files cannot be used, and says so',
    pairs: [makePair('a.example.com', ['a.example.com'], { problem: 'the key is missing' })],
    host: 'a.example.com',
    expected: ['a.example.com', 'host'],
    note: /New files of a.example.com cannot be used/,
  },
  {
    what: 'the file named after the SHA-1 of a pattern',
    pairs: [makePair('6762e7c34edd1bcbcb89fe080adcb00b898c66c8', ['a.example.com'])],
    host: '~^.+\\.example\\.com$',
    expected: ['6762e7c34edd1bcbcb89fe080adcb00b898c66c8', 'host'],
  },
]

describe('`CertificateIndex.choose()`', () => {
  for (const { what, pairs, host, certificateName, isDefaultTrusted, expected, note } of ROWS) {
    it(`finds ${what}`, () => {
      const index = new CertificateIndex(pairs)
      const choice = index.choose(host, { certificateName, isDefaultTrusted, now: NOW })
      const { found } = choice
      const name = expected?.[0].startsWith('/') ? found?.certFile : found?.name
      assert.deepEqual(found && [name, choice.rule], expected)
      if (note) assert.match(choice.note ?? '', note)
    })
  }

  it('is quick enough for every handshake with 2,000 pairs', () => {
    const pairs = Array.from({ length: 2000 }, (_, n) => makePair(`h${n}.example.com`, [`h${n}.example.com`]))
    const index = new CertificateIndex(pairs)
    const begin = performance.now()
    for (let n = 0; n < 10_000; n++) index.choose(`h${n % 2000}.example.com`, { now: NOW })
    const microseconds = (performance.now() - begin) / 10
    assert.ok(microseconds < 200, `${microseconds} µs each`)
  })
})
