import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FUZZ_SHARE } from '../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../test/support/content/seeded-random.ts'
import { PATH_READERS } from '../../../test/support/door/path-readers.ts'
import { makeVisit } from '../../../test/support/door/served-by.ts'
import { makeSite } from '../../../test/support/door/test-door.ts'
import type { Http1Request } from '../listen/http/messages/http1-message.ts'
import type { Site } from '../sites/site.ts'
import { compileServer } from '../vhost/compile/compile-server.ts'
import type { Plan } from '../vhost/route/plan.ts'
import { judgeRequest } from './judge-request.ts'

function compile(vhost: string): Site {
  const server = compileServer({
    host: 'a.test',
    isRegistry: false,
    serverFile: { file: 'a.test', text: vhost },
    locations: [
      { path: '/', destination: '', locationFile: undefined, overrideFile: undefined, basic: undefined },
    ],
    resolvePath: (path) => path,
    readInclude: () => undefined,
  })
  assert.deepEqual(
    server.problems.filter(({ severity }) => severity === 'closes'),
    [],
  )
  return { ...makeSite({ host: 'a.test' }), server }
}

function judge(site: Site, url: string): Plan | { refused: string } {
  const request = {
    method: 'GET',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
  } as Http1Request
  const judged = judgeRequest(
    {
      ...makeVisit({ target: url, scheme: 'http', serverPort: 80 }),
      request,
      headers: {},
      site,
      host: 'a.test',
      authority: 'a.test',
    },
    { loopId: 'berth-1' },
  )
  return 'refused' in judged ? judged : judged.plan
}

/** The target at an upstream; undefined if the request is refused. */
function forwarded(site: Site, url: string): string | undefined {
  const plan = judge(site, url)
  if ('refused' in plan || plan.kind !== 'content') return undefined
  const { access } = plan.settings
  const isKeptOut = access.basic !== undefined || access.addresses.some(({ action }) => action === 'deny')
  return isKeptOut ? undefined : plan.target
}

const PROXY = 'proxy_pass http://a.test;'
const isAdmin = (path: string): boolean => path === '/admin' || path.startsWith('/admin/')
/** Rules, and the paths that must never reach an application. */
const HOSTS: Readonly<Record<string, readonly [vhost: string, isForbidden: (path: string) => boolean]>> = {
  'a prefix': [`location /admin/ { deny all; ${PROXY} }`, (path) => path.startsWith('/admin/')],
  'a prefix with a password': [
    `location ^~ /admin { auth_basic x; auth_basic_user_file /etc/nginx/htpasswd/x; ${PROXY} }`,
    isAdmin,
  ],
  'an exact path': [`location = /admin { deny all; ${PROXY} }`, (path) => path === '/admin'],
  'a return': ['location /admin { return 404; }', isAdmin],
  'an internal location': [`location /admin { internal; ${PROXY} }`, isAdmin],
  'a condition': ['if ($uri ~ ^/admin(/|$)) { return 403; }', isAdmin],
  'an expression for endings': [`location ~ \\.key$ { deny all; ${PROXY} }`, (path) => path.endsWith('.key')],
  'an expression for the shape of a path': [
    `location ~ ^/pub/[^/]*/x$ { deny all; ${PROXY} }`,
    (path) => /^\/pub\/[^/]*\/x$/.test(path),
  ],
  'an open prefix in a closed host': [
    `deny all; location /pub/ { allow all; ${PROXY} }`,
    (path) => !path.startsWith('/pub/'),
  ],
  'slashes as they come': [`merge_slashes off; location /admin { deny all; ${PROXY} }`, isAdmin],
  'a prefix that is replaced': [
    `location /pub { proxy_pass http://a.test/inner/; } location /admin { deny all; ${PROXY} }`,
    isAdmin,
  ],
  'a variable in the URL': [
    `location /pub { proxy_pass http://127.0.0.1:9$request_uri; } location /admin { deny all; ${PROXY} }`,
    isAdmin,
  ],
  'the decoded path in the URL': [
    `location /pub { proxy_pass http://127.0.0.1:9$uri; } location /admin { deny all; ${PROXY} }`,
    isAdmin,
  ],
  'a rewritten path': [`rewrite ^/pub(.*)$ /inner$1; location /admin { deny all; ${PROXY} }`, isAdmin],
}

const PIECES = [
  '/',
  '/',
  '/',
  '//',
  'admin',
  'admin',
  '%61dmin',
  'adm%69n',
  'pub',
  'x',
  'y.key',
  '.%6bey',
  '.',
  '..',
]
const ODD = [
  '%2e',
  '%2E%2e',
  ';',
  ';a=b',
  '%3b',
  '%2f',
  '%2F',
  '%5c',
  '%5C',
  '%c0%af',
  '%c0%ae',
  '%ff',
  '%25',
  '%252f',
]
const ODDER = ['%252e%252e', '\\', '%e9', '%c3%bc', '%20', '?', '?/../admin', '%3f', '%23', '%00', '%0a']

function makeTarget(random: SeededRandom): string {
  let target = random.chance(0.9) ? '/' : ''
  for (let length = random.between(1, 9); length > 0; length--) {
    const pieces = random.pick([PIECES, PIECES, PIECES, ODD, ODD, ODDER]) ?? PIECES
    target += random.pick(pieces) ?? ''
  }
  return target
}

for (const [name, [vhost, isForbidden]] of Object.entries(HOSTS)) {
  test(`no spelling of a path leads past ${name}`, () => {
    const site = compile(vhost)
    const random = new SeededRandom(`spellings of ${name}`)
    let passed = 0
    let escaped = 0
    const isEnough = (): boolean => passed > 5 && escaped > 0
    for (let round = 0; round < 3_000 * FUZZ_SHARE || (round < 3_000 && !isEnough()); round++) {
      const url = makeTarget(random)
      const target = forwarded(site, url)
      if (target === undefined) continue
      passed++
      const [path = ''] = target.split('?')
      if (/%(?:2f|5c)|;/i.test(path)) escaped++
      for (const reader of PATH_READERS) {
        const read = reader.read(path)
        assert.ok(!isForbidden(read), `${url}: ${target} is ${read} to one that ${reader.name}`)
      }
    }
    // Allowed paths go through, odd escapes or not.
    assert.ok(isEnough(), `${passed}, ${escaped}`)
  })
}

const AS_THEY_CAME = [
  '/@scope%2fname',
  '/api/v4/projects/group%2Fsub%2fproject/repository/files/src%2Fmain.ts?ref=a%2Fb',
  '/api/queues/%2F/jobs',
  '/api/users/DOMAIN%5cann',
  '/caf%E9/%c3%bc/%FF',
  '/fetch/https%3A%2F%2Fexample.com%2F',
  '/shop/page.jsp;jsessionid=1F?x',
  '/a?',
  '/a%20b/%61',
]

test('escapes go to an upstream as they came', () => {
  const site = compile(
    `location /admin/ { deny all; ${PROXY} } location ~ ^/api/.*/closed$ { deny all; ${PROXY} }`,
  )
  for (const target of AS_THEY_CAME) assert.equal(forwarded(site, target), target)
})

test('dots and slashes in a row do not go to an upstream', () => {
  const site = compile('')
  assert.equal(forwarded(site, '/admin/../x%2fy?/../z'), '/x%2fy?/../z')
  assert.equal(forwarded(site, '/a//b/./%2e%2E/c%20'), '/a/c%20')
  assert.equal(forwarded(site, '//evil.test/x'), '/evil.test/x')
  assert.equal(forwarded(compile('merge_slashes off;'), '//p//http://x/'), '/p//http://x/')
  const replaced = compile(
    'location /api { proxy_pass http://a.test/v1/; } location /b { proxy_pass http://a.test/; }',
  )
  assert.equal(forwarded(replaced, '/api../admin'), undefined)
  assert.equal(forwarded(replaced, '/b/evil.test/x'), '/evil.test/x')
})

test('what is refused comes with its reason', () => {
  const site = compile(`location /admin/ { deny all; ${PROXY} }`)
  const refused = (url: string): unknown => {
    const plan = judge(site, url)
    return 'refused' in plan ? plan.refused : undefined
  }
  assert.match(String(refused('/admin%5cx')), /different rules/)
  assert.match(String(refused('/admin;/x')), /different rules/)
  assert.match(String(refused('/x/..;/admin/')), /segment of dots with a parameter/)
  assert.match(String(refused('/x/..%2fadmin/')), /beside a segment of dots/)
  assert.match(String(refused('/../x')), /above the root/)
  assert.equal(refused('/x%2fy'), undefined)
  const shaped = compile(`location ~ ^/pub/[^/]+/x$ { deny all; ${PROXY} }`)
  assert.equal(forwarded(shaped, '/pub/%2F/x'), undefined)
  assert.equal(forwarded(shaped, '/pub/%2F/y'), '/pub/%2F/y')
})
