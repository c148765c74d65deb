import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CompiledServer, Plan, RequestFacts } from '../route/plan.ts'
import { accessFor, decideDemand } from '../settings/access.ts'
import { expand } from '../syntax/template.ts'
import { compileServer, type ServerParts } from './compile-server.ts'

function compile(text: string, more: Partial<ServerParts> = {}): CompiledServer {
  return compileServer({
    host: 'app.example',
    isRegistry: false,
    serverFile: { file: 'vhost.d/app.example', text },
    locations: [
      { path: '/', destination: '', locationFile: undefined, overrideFile: undefined, basic: undefined },
    ],
    resolvePath: (path) => (path.startsWith('/etc/nginx/') ? `/data${path}` : undefined),
    readInclude: (path) => (path.endsWith('/extra') ? 'add_header X-Extra yes;' : undefined),
    ...more,
  })
}

function facts(target: string, more: Partial<RequestFacts> = {}): RequestFacts {
  const [path = '', args = ''] = target.split('?', 2)
  return {
    method: 'GET',
    scheme: 'https',
    host: 'app.example',
    uri: decodeURIComponent(path),
    requestUri: target,
    target,
    args,
    headers: { host: 'app.example', cookie: 'a=1; b=2', 'user-agent': 'probe' },
    remoteAddress: '192.0.2.1',
    remotePort: 4000,
    serverPort: 443,
    protocol: 'HTTP/1.1',
    requestId: 'r1',
    ...more,
  }
}

/** A plan in short: the parts that the rows below compare. */
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
        content.kind === 'declared'
          ? `declared ${content.path}`
          : content.kind === 'proxy'
            ? `proxy ${content.origin}`
            : content.kind === 'files'
              ? `files ${content.alias ?? content.root}`
              : 'none'
      return `${where} ${plan.target}`
    }
  }
}

const ROUTES: readonly [vhost: string, target: string, expected: string][] = [
  ['', '/', 'declared / /'],
  ['', '/a%20b?x=1', 'declared / /a%20b?x=1'],
  ['location = /x { return 204; }', '/x', '204'],
  ['location = /x { return 204; }', '/x/', 'declared / /x/'],
  ['location /x { return 200 "hi $host"; }', '/xy', '200 hi app.example'],
  ['location ^~ /x { return 200 prefix; } location ~ x { return 200 regex; }', '/x', '200 prefix'],
  ['location /x { return 200 prefix; } location ~ x { return 200 regex; }', '/x', '200 regex'],
  ['location ~* \\.PNG$ { return 200 image; }', '/a.png', '200 image'],
  ['location ~ \\.PNG$ { return 200 image; }', '/a.png', 'declared / /a.png'],
  ['location /a { location /a/b { return 200 inner; } return 200 outer; }', '/a/b/c', '200 inner'],
  ['location /a { location /a/b { return 200 inner; } return 200 outer; }', '/a/c', '200 outer'],
  ['location ~ ^/u/(?<name>[a-z]+)$ { return 200 $name; }', '/u/ann', '200 ann'],
  ['location ~ ^/u/([a-z]+)$ { return 302 /v/$1; }', '/u/ann', '302 /v/ann'],
  ['return 301 https://$host$request_uri;', '/a?b=c', '301 https://app.example/a?b=c'],
  ['return https://other.example/;', '/', '302 https://other.example/'],
  ['return 444;', '/', 'close'],
  ['if ($request_method = POST) { return 405; }', '/', 'declared / /'],
  ['if ($http_user_agent ~* PROBE) { return 403; }', '/', 'error 403'],
  ['if ($http_user_agent !~ probe) { return 403; }', '/', 'declared / /'],
  ['if ($arg_x) { return 402; }', '/?x=1', 'error 402'],
  ['if ($arg_x) { return 402; }', '/?x=0', 'declared / /?x=0'],
  ['if ($cookie_b = "2") { return 200 two; }', '/', '200 two'],
  ['if ($host != app.example) { return 301 https://app.example; }', '/', 'declared / /'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx writes variables so, too
  ['set $a "x$uri"; return 200 ${a}y;', '/p', '200 x/py'],
  ['rewrite ^/old/(.*)$ /new/$1 permanent;', '/old/a?b=1', '301 /new/a?b=1'],
  ['rewrite ^/old/(.*)$ /new/$1? redirect;', '/old/a?b=1', '302 /new/a'],
  ['rewrite ^/old/(.*)$ /new/$1 last;', '/old/a?b=1', 'declared / /new/a?b=1'],
  ['rewrite ^/old https://other.example/x;', '/old', '302 https://other.example/x'],
  ['rewrite ^/a /b?c=d;', '/a?e=f', 'declared / /b?c=d&e=f'],
  ['location /a { rewrite ^/a(.*) /b$1; } location /b { return 200 b; }', '/a/x', '200 b'],
  ['location /a { rewrite ^/a(.*) /b$1 break; proxy_pass http://up:81; }', '/a/x', 'proxy http://up:81 /b/x'],
  ['location /a { rewrite ^ /a; }', '/a/x', 'error 500'],
  ['location /a { rewrite ^(.*)$ $1x; }', '/a', 'error 500'],
  ['location /api/ { proxy_pass http://up:81/v1/; }', '/api/x%20y?q=1', 'proxy http://up:81 /v1/x%20y?q=1'],
  ['location /api/ { proxy_pass http://up:81; }', '/api/x?q=1', 'proxy http://up:81 /api/x?q=1'],
  ['location /api/ { proxy_pass http://up:81; }', '/api', '301 /api/'],
  ['location /api/ { proxy_pass http://up:81; }', '/api?a=b', '301 /api/?a=b'],
  ['location /x { proxy_pass http://app.example; }', '/x/y', 'declared / /x/y'],
  ['location /s { root /srv/www; }', '/s/a', 'files /srv/www /s/a'],
  ['location /s { alias /srv/www; }', '/s/a', 'files /srv/www /s/a'],
  ['location /s { internal; root /srv; }', '/s/a', 'error 404'],
  ['location @later { return 200 named; }', '/', 'declared / /'],
]

for (const [vhost, target, expected] of ROUTES) {
  test(`\`compileServer()\` routes ${target} to "${expected}" with "${vhost}"`, () => {
    const server = compile(vhost)
    assert.deepEqual(server.problems, [])
    assert.equal(short(server.route(facts(target))), expected)
  })
}

test('`compileServer()` takes internal redirects to paths and to named locations', () => {
  const server = compile(
    'location @later { return 200 "named $uri"; } location /e { internal; return 200 "page $uri"; }',
  )
  assert.equal(short(server.route(facts('/x'), { uri: '@later', args: '' })), '200 named /x')
  assert.equal(short(server.route(facts('/x'), { uri: '/e/1', args: '' })), '200 page /e/1')
  assert.equal(short(server.route(facts('/x'), { uri: '@nowhere', args: '' })), 'error 500')
})

test('`compileServer()` replaces the prefix of a declared path that has a destination', () => {
  const location = { locationFile: undefined, overrideFile: undefined, basic: undefined }
  const server = compile('', { locations: [{ path: '/app/', destination: '/', ...location }] })
  assert.equal(short(server.route(facts('/app/x?y'))), 'declared /app/ /x?y')
  assert.equal(short(server.route(facts('/app'))), '301 /app/')
  assert.equal(short(server.route(facts('/other'))), 'none /other')
  const regex = compile('', { locations: [{ path: '~ ^/a', destination: '/', ...location }] })
  assert.ok(regex.isClosed)
})

test('`compileServer()` puts a location file inside the declared location, and an override in its place', () => {
  const file = (text: string) => ({ file: 'vhost.d/x', text })
  const inside = compile('', {
    locations: [
      {
        path: '/',
        destination: '',
        locationFile: file('client_max_body_size 5m; location ~ \\.php$ { return 403; }'),
        overrideFile: undefined,
        basic: undefined,
      },
    ],
  })
  assert.equal(short(inside.route(facts('/a.php'))), 'error 403')
  const plan = inside.route(facts('/a'))
  assert.ok(plan.kind === 'content' && plan.settings.maxBodyBytes === 5 * 1024 ** 2)
  const replaced = compile('', {
    locations: [
      {
        path: '/',
        destination: '/ignored/',
        locationFile: file('return 501;'),
        overrideFile: file('proxy_pass http://app.example; proxy_read_timeout 2m;'),
        basic: undefined,
      },
    ],
  })
  assert.equal(short(replaced.route(facts('/a'))), 'declared / /a')
})

test("`compileServer()` reads the brief's file", () => {
  const server = compile(
    [
      'client_max_body_size 100m;',
      'auth_basic "Restricted";',
      'auth_basic_user_file /etc/nginx/passwords/app.example;',
      'add_header Docker-Distribution-API-Version registry/2.0 always;',
    ].join('\n'),
    { isRegistry: true },
  )
  const { settings } = server
  assert.equal(server.isClosed, false)
  assert.deepEqual(server.passwordFiles, ['/data/etc/nginx/passwords/app.example'])
  assert.equal(settings.maxBodyBytes, 100 * 1024 ** 2)
  assert.deepEqual(settings.maxBodyPlace, { file: 'vhost.d/app.example', line: 1 })
  assert.equal(settings.addHeaders[0]?.always, true)
  assert.equal(compile('', { isRegistry: true }).settings.maxBodyBytes, 0)
  assert.equal(compile('').settings.maxBodyBytes, 1024 ** 2)
})

test('`compileServer()` replaces lists as a whole and inherits the rest', () => {
  const server = compile(
    'add_header A 1; add_header B 2; proxy_read_timeout 9s; location /x { add_header C 3; }',
  )
  const plan = server.route(facts('/x'))
  assert.ok(plan.kind === 'content')
  assert.deepEqual(
    plan.settings.addHeaders.map(({ name }) => name),
    ['C'],
  )
  assert.equal(plan.settings.proxyReadTimeoutMs, 9_000)
})

test('`compileServer()` counts a password file before and behind its realm, and off ends it', () => {
  const server = compile(
    'auth_basic_user_file /etc/nginx/passwords/a; auth_basic R; location /o { auth_basic off; } location /i { auth_basic Inner; }',
  )
  assert.equal(server.settings.access.basic?.file, '/data/etc/nginx/passwords/a')
  const outside = server.route(facts('/o'))
  const inside = server.route(facts('/i'))
  assert.ok(outside.kind === 'content' && outside.settings.access.basic === undefined)
  assert.ok(inside.kind === 'content' && inside.settings.access.basic?.file?.endsWith('/a'))
})

const ACCESS: readonly [vhost: string, method: string, address: string, demand: string][] = [
  ['', 'GET', '192.0.2.1', 'granted'],
  ['allow 192.0.2.0/24; deny all;', 'GET', '192.0.2.1', 'granted'],
  ['allow 192.0.2.0/24; deny all;', 'GET', '198.51.100.1', 'denied'],
  ['deny 192.0.2.1; allow all;', 'GET', '192.0.2.1', 'denied'],
  ['allow 2001:db8::/32; deny all;', 'GET', '2001:db8::1', 'granted'],
  ['allow unix:; deny all;', 'GET', 'unix:', 'granted'],
  ['deny all;', 'GET', 'unix:', 'denied'],
  ['auth_basic R;', 'GET', '192.0.2.1', 'password'],
  ['auth_basic R; satisfy any; allow 192.0.2.1; deny all;', 'GET', '192.0.2.1', 'granted'],
  ['auth_basic R; satisfy any; allow 192.0.2.1; deny all;', 'GET', '192.0.2.2', 'password'],
  ['auth_basic R; allow 192.0.2.1; deny all;', 'GET', '192.0.2.2', 'denied'],
  ['limit_except GET { deny all; }', 'GET', '192.0.2.1', 'granted'],
  ['limit_except GET { deny all; }', 'HEAD', '192.0.2.1', 'granted'],
  ['limit_except GET { deny all; }', 'PUT', '192.0.2.1', 'denied'],
  ['limit_except GET { auth_basic R; }', 'PUT', '192.0.2.1', 'password'],
]

for (const [vhost, method, address, demand] of ACCESS) {
  test(`\`decideDemand()\` is ${demand} for ${method} from ${address} with "${vhost}"`, () => {
    const { settings, problems } = compile(vhost)
    assert.deepEqual(problems, [])
    assert.equal(decideDemand(accessFor(settings, method), address).kind, demand)
  })
}

const CLOSING: readonly [vhost: string, message: RegExp][] = [
  ['auth_request /check;', /auth_request/],
  ['ssl_verify_client on;', /ssl_verify_client/],
  ['secure_link $arg_md5;', /secure_link/],
  ['js_access x;', /not known, and may protect/],
  ['access_by_lua_file /x.lua;', /may protect/],
  ['auth_basic_user_file /etc/passwd;', /outside the password folder/],
  ['client_max_body_size lots;', /needs a size/],
  ['deny nobody;', /no address or network/],
  ['limit_req zone=unknown;', /in conf.d makes/],
  ['location ~ ((?=x)a|a)+$ { deny all; }', /could take for ever/],
  ['location ~ (?>a) { }', /only in PCRE/],
  ['if (-f $request_filename) { return 403; }', /not understood/],
  ['rewrite ^( /x;', /cannot be used/],
  ['include ../../secret;', /no file of the vhost folder/],
  ['auth_basic', /does not end with ";"/],
  ['location / { deny all;', /not closed by "}"/],
  ['}', /closes nothing/],
  ['add_header X "open;', /not closed/],
  ['proxy_pass http://x', /does not end/],
  ['return;', /needs 1 to 2 words/],
]

for (const [vhost, message] of CLOSING) {
  test(`\`compileServer()\` closes the host for "${vhost}"`, () => {
    const server = compile(vhost)
    assert.ok(server.isClosed)
    const [problem] = server.problems.filter(({ severity }) => severity === 'closes')
    assert.match(problem?.message ?? '', message)
    assert.equal(problem?.line, 1)
  })
}

test('`compileServer()` warns once of unknown tuning, and takes the known', () => {
  const server = compile('tune_this on; tune_this off; proxy_buffering off; gzip on; server_tokens off;')
  assert.equal(server.isClosed, false)
  assert.deepEqual(
    server.problems.map(({ severity, message }) => [severity, message.includes('tune_this')]),
    [['warns', true]],
  )
})

test('`compileServer()` reads included files of the vhost folder', () => {
  const server = compile('include /etc/nginx/vhost.d/extra;')
  assert.deepEqual(server.problems, [])
  const [header] = server.settings.addHeaders
  assert.equal(header && expand(header.value, () => ''), 'yes')
})
