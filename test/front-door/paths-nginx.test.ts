import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { SeededRandom } from '../support/content/seeded-random.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { startUpstreams, type Upstreams } from '../support/vhost/start-upstreams.ts'
import { type Side, startNginx, type VhostFiles } from '../support/vhost/vhost-nginx.ts'
import { type Observed, requestSide, startSites } from '../support/vhost/vhost-sides.ts'

const HOSTS: readonly VhostFiles[] = [
  { host: 'open.test', vhost: '' },
  {
    host: 'rules.test',
    vhost: `location /admin/ { deny all; proxy_pass http://rules.test; }
      location = /exact { return 410; }
      location ~ \\.key$ { return 403; }
      location ~ ^/pub/[^/]+/x$ { return 404; }
      location /v1/ { proxy_pass http://rules.test/inner/; }`,
  },
  {
    host: 'told.test',
    vhost: `add_header X-Path $uri always; proxy_set_header X-Path $uri; proxy_set_header X-Told $http_x_word;
      location /back/ { return 403; } location /away/ { return 302 https://o.test$uri; }`,
  },
  {
    host: 'kept.test',
    vhost: 'merge_slashes off; location /admin/ { deny all; proxy_pass http://kept.test; }',
  },
]
/** nginx passes these on as they came, and so does Berth. */
const SAME_TO_UPSTREAMS = [
  '/@scope%2fname',
  '/api/v4/projects/group%2Fsub%2fproject/repository/files/src%2Fmain.ts?ref=a%2Fb',
  '/api/queues/%2F/jobs',
  '/api/users/DOMAIN%5cann',
  '/caf%E9/%c3%bc/%FF/%ed%a0%80',
  '/fetch/https%3A%2F%2Fexample.com%2F',
  '/shop/page.jsp;jsessionid=1F?x',
  '/a%20b/%61?',
]
/** Paths rebuilt by both in the same way: decoded, and escaped again. */
const REPLACED = ['/v1/a%2fb', '/v1/caf%E9%20%5cx', '/v1/%252e%252e/x', '/v1/a%3fb%23c']
const PIECES = [
  '/',
  '/',
  '/',
  '//',
  'admin',
  'admin/',
  '%61dmin',
  'exact',
  'pub',
  'v1/',
  'x',
  'y.key',
  '.',
  '..',
]
const ODD = [
  '%2e',
  ';',
  '%3b',
  '%2f',
  '%5C',
  '%c0%af',
  '%ff',
  '%25',
  '%252f',
  '\\',
  '%c3%bc',
  '?',
  '%3f',
  '%00',
  '%',
]
const ROUNDS = 400

describe('paths as nginx judges them', { skip: skipReason('nginx') }, () => {
  const resources = new AsyncDisposableStack()
  let upstreams: Upstreams
  let nginx: Side
  let berth: Side

  before(async () => {
    const { path } = resources.use(await makeTempFolder('paths'))
    upstreams = resources.use(await startUpstreams())
    nginx = resources.use(await startNginx(join(path, 'nginx'), HOSTS, upstreams))
    berth = resources.use(await startSites(HOSTS, { upstreams, serverPort: nginx.port, included: new Map() }))
  })
  after(() => resources.disposeAsync())

  const requestBoth = (host: string, target: string): Promise<[Observed, Observed]> =>
    Promise.all([
      requestSide(nginx.port, { host, target }, upstreams),
      requestSide(berth.port, { host, target }, upstreams),
    ])

  for (const target of [...SAME_TO_UPSTREAMS, ...REPLACED]) {
    test(`${target} reaches an upstream as from nginx`, async () => {
      for (const { host } of HOSTS) {
        const [fromNginx, fromBerth] = await requestBoth(host, target)
        assert.equal(fromBerth.status, fromNginx.status)
        assert.equal(fromBerth.seen?.url, fromNginx.seen?.url, host)
      }
    })
  }

  test('what nginx judges without dots and slashes in a row is also passed on without them', async () => {
    const [fromNginx, fromBerth] = await requestBoth('open.test', '/a//b/../c/./%64')
    assert.equal(fromNginx.seen?.url, '/a//b/../c/./%64')
    assert.equal(fromBerth.seen?.url, '/a/c/%64')
  })

  for (const path of ['%C3%BC', '%e4%be%8b', '%F0%9F%98%80', '%ff%c3%bc', 'a%20b']) {
    test(`headers hold the bytes of ${path} as those of nginx`, async () => {
      for (const target of [`/x/${path}`, `/back/${path}`, `/away/${path}`]) {
        const row = { host: 'told.test', target, headers: { 'x-word': '\u00c3\u00bc' } }
        const seen = [
          await requestSide(nginx.port, row, upstreams),
          await requestSide(berth.port, row, upstreams),
        ].map(({ status, headers, seen: asked }) => ({
          status,
          added: headers['x-path'],
          path: asked?.headers['x-path'],
          told: asked?.headers['x-told'],
        }))
        assert.deepEqual(seen[1], seen[0], target)
      }
    })
  }

  for (const { host } of HOSTS) {
    test(`what ${host} does not refuse is judged as by nginx`, async () => {
      const random = new SeededRandom(`paths of ${host}`)
      let taken = 0
      for (let round = 0; round < ROUNDS; round++) {
        let target = '/'
        for (let length = random.between(1, 6); length > 0; length--)
          target += random.pick(random.chance(0.7) ? PIECES : ODD) ?? ''
        const [fromNginx, fromBerth] = await requestBoth(host, target)
        // A refusal is right wherever nginx refuses, and Berth also refuses paths that servers read in several ways.
        if (fromBerth.status === 400) continue
        taken++
        assert.equal(fromBerth.status, fromNginx.status, target)
        assert.equal(fromBerth.seen === undefined, fromNginx.seen === undefined, target)
      }
      assert.ok(taken > ROUNDS / 5, String(taken))
    })
  }
})
