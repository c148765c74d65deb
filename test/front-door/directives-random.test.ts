import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { comparable } from '../support/vhost/compare-answers.ts'
import { startUpstreams, type Upstreams } from '../support/vhost/start-upstreams.ts'
import { type Side, startNginx, type VhostFiles } from '../support/vhost/vhost-nginx.ts'
import { requestSide, startSites } from '../support/vhost/vhost-sides.ts'

const ANN: Record<string, string> = {
  authorization: basicLogin('ann', 'secret'),
}
const FILES = 60
const REQUESTS = 20
const SEGMENTS = ['a', 'b', 'ab', 'c', 'a.b']
const PATTERNS = [
  '^/a',
  'b$',
  '/a/',
  '^/(a|b)/(.*)$',
  '(?<last>[^/]+)$',
  '^/[ab]+/?$',
  '\\\\.b',
  '^/(.*)/b(.*)$',
]
const ARGS = ['', '', '', '?x=1', '?x=0&y=a%20b', '?y', '?']

describe('vhost files made by chance', { skip: skipReason('nginx') }, () => {
  const resources = new AsyncDisposableStack()
  const random = new SeededRandom('vhost files')
  let upstreams: Upstreams
  let files: readonly VhostFiles[]
  let nginx: Side
  let berth: Awaited<ReturnType<typeof startSites>>

  before(async () => {
    const folder = resources.use(await makeTempFolder('random')).path
    upstreams = resources.use(await startUpstreams())
    const users = join(folder, 'users')
    await writeFile(users, 'ann:{PLAIN}secret\n')
    files = Array.from({ length: FILES }, (_, index) => ({
      host: `chance-${index}.test`,
      vhost: `auth_basic_user_file ${users};\n${makeServer(random.fork(), upstreams.main)}`,
      override: 'location = /nobody-asks-for-this { return 204; }',
    }))
    nginx = resources.use(await startNginx(join(folder, 'nginx'), files, upstreams))
    berth = resources.use(await startSites(files, { upstreams, serverPort: nginx.port, included: new Map() }))
  })
  after(() => resources.disposeAsync())

  test('nginx and Berth answer alike', async () => {
    let contents = 0
    for (const { host, vhost } of files) {
      const site = berth.sites.find(({ declaration }) => declaration.host === host)
      assert.equal(site?.closed, undefined, vhost)
      for (let count = 0; count < REQUESTS; count++) {
        const target = `${makePath(random)}${random.pick(ARGS) ?? ''}`
        const row = {
          host,
          target,
          method: random.pick(['GET', 'GET', 'GET', 'HEAD', 'PUT']),
          from: random.pick(['127.0.0.1', '127.0.0.2']),
          headers: random.pick([{}, ANN]),
        }
        const [own, other] = await Promise.all([
          requestSide(berth.port, row, upstreams),
          requestSide(nginx.port, row, upstreams),
        ])
        // Without such a directive, nginx looks for a file of its own, which no client can put there.
        if (row.method === 'PUT' && other.status === 405 && own.status === 404) continue
        assert.deepEqual(comparable(own, other), comparable(other, other), `${target} with\n${vhost}`)
        if (other.status === 200) contents++
      }
    }
    assert.ok(contents > (FILES * REQUESTS) / 10, `${contents} had content`)
  })
})

function makePath(random: SeededRandom): string {
  const segments = Array.from({ length: random.between(0, 3) }, () => random.pick(SEGMENTS) ?? '')
  return `/${segments.join('/')}${segments.length > 0 && random.chance(0.4) ? '/' : ''}`
}

/** The content of a server. */
function makeServer(random: SeededRandom, upstream: string): string {
  const steps = [
    ...Array.from({ length: random.between(0, 2) }, () => makeStep(random)),
    ...(random.chance(0.3) ? makeRules(random, SERVER_RULES) : []),
  ]
  return [
    'set $made "";',
    'location @a { return 200 "named $uri"; }',
    ...steps,
    ...makeLocations(random, { upstream, outer: '', depth: 0 }),
  ].join('\n')
}

interface Around {
  readonly upstream: string
  /** Path of the enclosing location; undefined for a regular expression. */
  readonly outer: string | undefined
  readonly depth: number
}

function makeLocations(random: SeededRandom, around: Around): string[] {
  const seen = new Set<string>()
  return Array.from({ length: random.between(around.depth === 0 ? 2 : 0, 4) }, () => {
    const isRegex = around.outer === undefined || random.chance(0.3)
    const path = isRegex ? undefined : `${around.outer}${makePath(random)}`.replace('//', '/')
    const modifier = random.pick(isRegex ? ['~', '~*'] : ['', '', '= ', '^~ ']) ?? ''
    const name = path === undefined ? `"${random.pick(PATTERNS) ?? ''}"` : path
    // "location /a" and "location ^~ /a" are the same to nginx.
    const key = `${modifier === '= ' ? '=' : ''}${name}`
    if (seen.has(key)) return ''
    seen.add(key)
    const isExact = modifier === '= '
    return `location ${modifier} ${name} {\n${makeInside(random, { ...around, outer: path }, isExact)}\n}`
  })
}

function makeInside(random: SeededRandom, around: Around, isExact: boolean): string {
  const steps = [
    ...(random.chance(0.4) ? [makeStep(random)] : []),
    ...(random.chance(0.3) ? makeRules(random, [...SERVER_RULES, 'limit_except GET { deny all; }']) : []),
  ]
  const inner =
    isExact || around.depth >= 2 ? [] : makeLocations(random, { ...around, depth: around.depth + 1 })
  const target = around.outer === undefined ? '' : random.pick(['', '', '/', '/x', '/x/'])
  const content =
    random.pick([
      `return 200 "${random.between(1, 99)} $uri $args $1 $2 $made";`,
      `proxy_pass http://${upstream(around)}${target};`,
      `proxy_pass http://${upstream(around)}${target};`,
      `return ${random.pick([302, 301, 404, 204])} /to/$1;`.replace(/ (404|204) .*;/, ' $1;'),
      'add_header X-Made yes;',
    ]) ?? ''
  return [...steps, content, ...inner].join('\n')
}

function upstream({ upstream: address }: Around): string {
  return address
}

const SERVER_RULES = [
  'allow 127.0.0.1;',
  'deny 127.0.0.2;',
  'deny all;',
  'satisfy any;',
  'auth_basic "x";',
  'auth_basic off;',
]

/** Some of them in order, each directive once where nginx requires it. */
function makeRules(random: SeededRandom, rules: readonly string[]): string[] {
  const isEither = random.chance(0.5)
  return rules.filter(
    (rule) => random.chance(0.4) && !(rule.startsWith('auth_basic') && rule.includes('off') === isEither),
  )
}

function makeStep(random: SeededRandom): string {
  const to = `${makePath(random)}${random.pick(['', '$1', '/$1', '?z=1', '?'])}`
  const flag = random.pick(['', ' last', ' last', ' break', ' redirect', ' permanent'])
  const rewrite = `rewrite "${random.pick(PATTERNS) ?? ''}" ${to}${flag};`
  const set = `set $made "${random.pick(['$uri', '$1', '$arg_x', 'm'])}";`
  const condition = random.pick([
    '($arg_x)',
    '($uri ~ "^/a(.*)$")',
    '($uri !~ "b")',
    '($args = "x=1")',
    '($request_method != GET)',
  ])
  return (
    random.pick([
      rewrite,
      rewrite,
      set,
      'break;',
      `if ${condition} { ${random.pick([rewrite, set, 'break;', 'return 403;'])} }`,
    ]) ?? ''
  )
}
