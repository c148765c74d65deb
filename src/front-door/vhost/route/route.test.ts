import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { compileServer, type DeclaredLocation } from '../compile/compile-server.ts'
import { accessFor, decideDemand } from '../settings/access.ts'
import type { CompiledServer, Plan, RequestFacts } from './plan.ts'

const HOST = 'app.example'
const ROOT: DeclaredLocation = {
  path: '/',
  destination: '',
  locationFile: undefined,
  overrideFile: undefined,
  basic: undefined,
}

function compile(text: string, locations: readonly DeclaredLocation[] = [ROOT]): CompiledServer {
  return compileServer({
    host: HOST,
    isRegistry: false,
    serverFile: { file: 'vhost.d/app.example', text },
    locations,
    resolvePath: (path) => path,
    readInclude: () => undefined,
  })
}

function facts(requestUri: string, more: Partial<RequestFacts> = {}): RequestFacts {
  const [path = '', args = ''] = requestUri.split('?')
  return {
    method: 'GET',
    scheme: 'https',
    host: HOST,
    uri: decodeURIComponent(path),
    requestUri,
    target: requestUri,
    args,
    headers: { host: HOST, 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'http' },
    remoteAddress: '192.0.2.1',
    remotePort: 4000,
    serverPort: 443,
    protocol: 'HTTP/1.1',
    requestId: 'r1',
    ...more,
  }
}

function short(plan: Plan): string {
  switch (plan.kind) {
    case 'return':
      return `${plan.status} ${plan.location ?? plan.body ?? ''}`.trim()
    case 'close':
      return 'close'
    case 'error':
      return `error ${plan.status}`
    case 'content': {
      const { content } = plan
      const where =
        content.kind === 'proxy' ? content.origin : content.kind === 'declared' ? content.path : ''
      return `${content.kind} ${where} ${plan.target}`.replace('  ', ' ')
    }
  }
}

const ROUTES: readonly (readonly [vhost: string, target: string, expected: string])[] = [
  ['location /a/ { location /a/b/ { return 200 in; } } location ~ b { return 200 re; }', '/a/b/', '200 re'],
  [
    'location ^~ /a/ { location /a/b/ { return 200 in; } } location ~ b { return 200 re; }',
    '/a/b/',
    '200 in',
  ],
  ['location /a { rewrite ^ /b; } location /b { internal; return 200 in; }', '/a', '200 in'],
  ['location /b { internal; return 200 in; }', '/b', 'error 404'],
  [
    'location /a/ { rewrite ^/a/(.*) /c/$1 break; proxy_pass http://up/x/; }',
    '/a/1?q',
    'proxy http://up /c/1?q',
  ],
  [
    'location /a/ { rewrite ^/a/(.*) /c/$1; break; proxy_pass http://up/x/; }',
    '/a/1',
    'proxy http://up /x/1',
  ],
  ['location /a/ { proxy_pass http://up/x/; } location /a { return 200 own; }', '/a', '200 own'],
  [
    'location ~ ^/(?<who>\\w+)/x { if ($uri ~ zz) { return 204; } return 200 "$1 $who"; }',
    '/ann/x',
    '200  ann',
  ],
  ['set $args "a=b"; location / { proxy_pass http://up; }', '/x?c=d', 'proxy http://up /x?a=b'],
  ['location / { set $up "up:81"; proxy_pass http://$up; }', '/x%20y?c', 'proxy http://up:81 /x%20y?c'],
  ['location / { set $up "up:81"; proxy_pass http://$up/fixed; }', '/x?c', 'proxy http://up:81 /fixed'],
  ['location ~ ^/a/(.*) { proxy_pass http://up/b?c=$1; }', '/a/x%20y', 'proxy http://up /b?c=x%20y'],
  ['location ~ ^/a/(.*) { proxy_pass http://up/$1; }', '/a/%C3%A4', 'proxy http://up /%C3%A4'],
  ['location / { set $up "not a host/"; proxy_pass $up; }', '/x', 'error 500'],
  ['rewrite ^/(.*)$ /x?p=$1 redirect;', '/a%26b', '302 /x?p=a%26b'],
  ['rewrite ^/x(.*)$ $1 last;', '/x', 'error 500'],
  ['location / { proxy_pass http://up; } rewrite ^ "/ä %"; ', '/x', 'proxy http://up /%C3%A4%20%25'],
  ['return 404;', '/', 'error 404'],
  ['return 404 gone;', '/', '404 gone'],
  ['return 200 "$proxy_x_forwarded_proto $proxy_add_x_forwarded_for";', '/', '200 https 192.0.2.1'],
  ['root /srv;', '/x', 'declared / /x'],
]

for (const [vhost, target, expected] of ROUTES) {
  test(`\`route()\` comes to "${expected}" for ${target} with "${vhost}"`, () => {
    const locations = vhost.includes('location / {') ? [] : [ROOT]
    const server = compile(vhost, locations)
    assert.deepEqual(
      server.problems.filter(({ severity }) => severity === 'closes'),
      [],
    )
    assert.equal(short(server.route(facts(target))), expected)
  })
}

test('`route()` believes what a trusted proxy says', () => {
  const server = compile('return 200 "$proxy_x_forwarded_proto $proxy_add_x_forwarded_for";')
  assert.equal(short(server.route(facts('/', { isPeerTrusted: true }))), '200 http 203.0.113.9, 192.0.2.1')
})

test('`route()` goes on with path and variables of a plan in a named location', () => {
  const server = compile(
    'location /a/ { set $who ann; rewrite ^/a/(.*) /b/$1 break; proxy_pass http://up; } location @n { proxy_pass http://$who; }',
  )
  const plan = server.route(facts('/a/1?q'))
  assert.ok(plan.kind === 'content')
  assert.equal(
    short(server.route(facts('/a/1?q'), { uri: '@n', args: '', from: plan.variable })),
    'proxy http://ann /b/1?q',
  )
})

test('`route()` runs the steps of the server anew for an internal redirect, as nginx does', () => {
  const server = compile('if ($uri = /down) { return 200 page; } rewrite ^/old /new last;')
  assert.equal(short(server.route(facts('/x'), { uri: '/down', args: '' })), '200 page')
  assert.equal(short(server.route(facts('/x'), { uri: '/old', args: 'a' })), 'declared / /new?a')
})

test('`route()` lets nothing through that is too long for an expression it cannot bound', () => {
  const server = compile('location ~ (?!/open)/.*x.*y.*z { deny all; }')
  assert.deepEqual(server.problems, [])
  assert.equal(short(server.route(facts(`/${'a'.repeat(5_000)}`))), 'error 414')
  const linear = compile('location ~ /.*x.*y.*z { return 403; }')
  assert.equal(short(linear.route(facts(`/${'a'.repeat(5_000)}xyz`))), 'error 403')
})

test('`route()` says what "proxy_redirect default" turns', () => {
  const server = compile('location /a/ { proxy_pass http://up/b/; } location /c { proxy_pass http://up; }', [
    ROOT,
    { ...ROOT, path: '/d/', destination: '/e/' },
  ])
  const findRedirect = (target: string) => {
    const plan = server.route(facts(target))
    return plan.kind === 'content' && plan.redirect
  }
  assert.deepEqual(findRedirect('/a/'), { from: 'http://up/b/', to: '/a/' })
  assert.deepEqual(findRedirect('/c'), { from: 'http://up/', to: '/' })
  assert.deepEqual(findRedirect('/d/'), { from: '/e/', to: '/d/' })
  assert.deepEqual(findRedirect('/'), { from: '/', to: '/' })
})

test("`compileServer()` knows nginx-proxy's names of upstreams", () => {
  const hash = createHash('sha1').update('/d/').digest('hex')
  const server = compile(`location /x { proxy_pass http://app.example-${hash}; }`, [
    ROOT,
    { ...ROOT, path: '/d/', destination: '/e/' },
  ])
  assert.equal(short(server.route(facts('/x'))), 'declared /d/ /x')
})

test('`compileServer()` takes an override with a location of its own in the place of the path, and keeps its password', () => {
  const basic = { realm: 'Restricted', file: '/htpasswd/app.example' }
  const overrideFile = {
    file: 'vhost.d/app.example_location_override',
    text: 'location / { proxy_pass http://app.example; } location /open { auth_basic off; return 204; }',
  }
  const server = compile('', [{ ...ROOT, overrideFile, basic }])
  assert.deepEqual(server.problems, [])
  assert.deepEqual(server.passwordFiles, ['/htpasswd/app.example'])
  const plan = server.route(facts('/x'))
  assert.equal(short(plan), 'declared / /x')
  assert.ok(plan.kind === 'content')
  assert.equal(decideDemand(accessFor(plan.settings, 'GET'), '192.0.2.1').kind, 'password')
  assert.equal(short(server.route(facts('/open'))), '204')
})

test('`compileServer()` does not hand limit_except on to locations inside', () => {
  const server = compile('location /a { limit_except GET { deny all; } location /a/b { root /x; } }')
  for (const [target, demand] of [
    ['/a', 'denied'],
    ['/a/b', 'granted'],
  ] as const) {
    const plan = server.route(facts(target))
    assert.ok(plan.kind === 'content')
    assert.equal(decideDemand(accessFor(plan.settings, 'PUT'), '192.0.2.1').kind, demand)
  }
})

test('`compileServer()` makes what limit_except gives others of all that stands beside it', () => {
  const server = compile(
    'location /a { limit_except GET { allow 192.0.2.1; deny all; } auth_basic x; auth_basic_user_file /u; }',
  )
  const plan = server.route(facts('/a'))
  assert.ok(plan.kind === 'content')
  const others = accessFor(plan.settings, 'PUT')
  assert.equal(others.basic?.file, '/u')
  assert.equal(decideDemand(others, '192.0.2.2').kind, 'denied')
  assert.equal(decideDemand(others, '192.0.2.1').kind, 'password')
})

test('`route()` runs no steps for methods that limit_except keeps away', () => {
  const server = compile('location /a { limit_except GET { deny all; } return 200 open; }')
  assert.equal(short(server.route(facts('/a'))), '200 open')
  const plan = server.route(facts('/a', { method: 'PUT' }))
  assert.ok(plan.kind === 'content')
  assert.equal(decideDemand(accessFor(plan.settings, 'PUT'), '192.0.2.1').kind, 'denied')
})

test('`route()` keeps what was caught while locations are tried, and loses it with a step that does not match', () => {
  const text = 'location ~ zz { } location / { return 200 "[$1]"; }'
  assert.equal(short(compile(`rewrite ^/a(.*)$ /b; ${text}`).route(facts('/ax'))), '200 [x]')
  const lost = compile(`rewrite ^/a(.*)$ /b; rewrite ^/c /d; ${text}`)
  assert.equal(short(lost.route(facts('/ax'))), '200 []')
})
