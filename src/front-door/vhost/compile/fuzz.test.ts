import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import { assertGrowsLinearly } from '../../../../test/support/machine/cpu-time.ts'
import { DIRECTIVES } from '../directives/directive-table.ts'
import type { CompiledServer, RequestFacts } from '../route/plan.ts'
import { accessFor, decideDemand } from '../settings/access.ts'
import { parseVhostFile } from '../syntax/parser.ts'
import { compileServer } from './compile-server.ts'
import { lintVhostFile } from './lint.ts'

const FOLDER = new URL('../../../../test/fixtures/vhost/', import.meta.url)
const FIXTURES = readdirSync(FOLDER).map((name) => readFileSync(new URL(name, FOLDER), 'utf8'))
/** Pieces of files, in no order. */
const WORDS = [
  ...DIRECTIVES.map(({ name }) => name),
  ...[
    ';',
    ';',
    ';',
    '{',
    '}',
    '{',
    '}',
    '"',
    "'",
    '\\',
    '#',
    '\n',
    ' ',
    '\t',
    '\0',
    '$',
    '${',
    '(',
    ')',
    '\uFEFF',
  ],
  ...[
    'all',
    'off',
    'on',
    '0',
    '1',
    '404',
    '=200',
    '302',
    '$uri',
    '$1',
    '$args',
    '$http_x',
    '/a',
    '/b/',
    '@n',
    '=',
  ],
  ...[
    '^~',
    '~',
    '~*',
    '^/(.*)$',
    '/$1',
    'last',
    'break',
    'permanent',
    'http://up',
    'http://h.test/x/',
    '10.0.0.0/8',
  ],
  ...[
    '($uri',
    '~ a)',
    '(a+)+',
    '((',
    '[',
    'x'.repeat(5_000),
    'ä',
    '\u2028',
    '{{{{',
    '}}}}',
    'always',
    'X-A',
    'GET',
  ],
]
const TARGETS = ['/', '/a', '/a/b', '/b/', '/x.png', '/%20', '/a?b=c', `/${'a'.repeat(4_000)}`, '//', '/ä']

function compile(text: string, location?: string): CompiledServer {
  return compileServer({
    host: 'h.test',
    isRegistry: false,
    serverFile: { file: 'f', text },
    locations: [
      {
        path: '/',
        destination: '',
        locationFile: location === undefined ? undefined : { file: 'l', text: location },
        overrideFile: undefined,
        basic: undefined,
      },
    ],
    resolvePath: (path) => path,
    readInclude: (path) => (path.length % 2 === 0 ? text : undefined),
  })
}

function facts(random: SeededRandom): RequestFacts {
  const requestUri = random.pick(TARGETS) ?? '/'
  const [uri = '/', args = ''] = requestUri.split('?')
  return {
    method: random.pick(['GET', 'POST', 'X']) ?? 'GET',
    scheme: 'https',
    host: 'h.test',
    uri,
    requestUri,
    target: requestUri,
    args,
    headers: { host: 'h.test', x: random.pick(['', 'a', '0']) },
    remoteAddress: random.pick(['10.0.0.1', '::1', 'unix:', '']) ?? '',
    remotePort: 1,
    serverPort: 443,
    protocol: 'HTTP/1.1',
    requestId: '1',
  }
}

/** Compiles a text and routes some requests by it. @returns true if a host could be served by it. */
function tryText(text: string, random: SeededRandom): boolean {
  const server = compile(text, random.chance(0.2) ? text : undefined)
  for (const { line, message } of server.problems) {
    assert.ok(line >= 0 && message !== '')
  }
  const redirects = [undefined, { uri: '@n', args: '' }, { uri: '/a', args: 'b' }]
  for (let count = 0; count < 4; count++) {
    const request = facts(random)
    const plan = server.route(request, random.pick(redirects))
    if (plan.kind !== 'content') continue
    assert.equal(typeof plan.target, 'string')
    decideDemand(accessFor(plan.settings, request.method), request.remoteAddress)
    plan.variable('uri')
  }
  return !server.isClosed
}

test('`compileServer()` and `route()` come to an end with any words', () => {
  const random = new SeededRandom('words')
  for (let count = 0; count < 1_000 * FUZZ_SHARE; count++) {
    const text = Array.from({ length: random.between(1, 60) }, () => random.pick(WORDS) ?? '').join(
      random.pick([' ', ' ', '', '\n']),
    )
    tryText(text, random)
  }
})

test('`compileServer()` and `route()` come to an end with real files that were spoilt', () => {
  const random = new SeededRandom('spoilt')
  let served = 0
  const count = 600 * FUZZ_SHARE
  for (let index = 0; index < count; index++) {
    const text = spoil(random.pick(FIXTURES) ?? '', random)
    if (tryText(text, random)) served++
    if (index % 10 === 0) lintVhostFile(text, random.pick(['f', 'f_location', 'f_location_override']) ?? 'f')
  }
  assert.ok(served > 0 && served < count)
})

/** Removes, doubles or changes pieces of a text. */
function spoil(text: string, random: SeededRandom): string {
  let spoilt = text
  for (let times = random.between(1, 4); times > 0; times--) {
    const at = random.between(0, spoilt.length)
    const end = Math.min(spoilt.length, at + random.between(0, 40))
    const put = random.pick(['', '', random.pick(WORDS) ?? '', spoilt.slice(at, end).repeat(2)]) ?? ''
    spoilt = spoilt.slice(0, at) + put + spoilt.slice(end)
  }
  return spoilt
}

for (const [name, make, size] of [
  ['blocks within each other', (count) => 'location / { '.repeat(count), 100_000],
  ['closing brackets', (count) => '}'.repeat(count), 500_000],
  ['signs without spaces', (count) => ';'.repeat(count), 500_000],
  ['one long word', (count) => 'a'.repeat(count), 1_000_000],
  ['one long quote', (count) => `"${'a\\'.repeat(count)}`, 500_000],
  ['many directives', (count) => 'add_header A b;'.repeat(count), 60_000],
  ['many locations', (count) => numbered(count, (index) => `location /${index} { deny all; }\n`), 12_000],
  ['many words', (count) => `allow ${'a '.repeat(count)};`, 400_000],
  ['a file that includes itself', (count) => 'include ff; '.repeat(count), 48],
  ['unknown words', (count) => numbered(count, (index) => `denx${index} on;`), 16_000],
] as const satisfies readonly (readonly [string, (count: number) => string, number])[]) {
  test(`\`compileServer()\` takes no more than its share of time for ${name}`, () => {
    const { problems } = compile(make(size))
    if (name !== 'many locations') assert.ok(problems.length > 0)
    assert.ok(problems.length <= 101)
    assertGrowsLinearly((count) => {
      const text = make(count)
      return () => {
        parseVhostFile(text, 'f')
        compile(text)
      }
    }, size)
  })
}

function numbered(count: number, write: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => write(index)).join('')
}
