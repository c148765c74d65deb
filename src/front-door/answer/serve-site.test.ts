import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { get as httpGet, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  exchange,
  HOST,
  openProxyRoom,
  type ProxyRoom,
  type ProxyRoomOptions,
} from '../../../test/support/door/proxy-room.ts'
import { startApp } from '../../../test/support/door/start-app.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function fetch(room: ProxyRoom, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const request = httpGet({ host: '127.0.0.1', port: room.port, path, headers: { host: HOST, ...headers } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

/** A folder to serve, and a secret beside it. */
async function openFiles(vhost: (root: string) => string) {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('files'))
  const root = join(temp.path, 'www')
  await mkdir(join(root, 'sub'), { recursive: true })
  await mkdir(join(root, 'empty'))
  await writeFile(join(temp.path, 'secret.txt'), 'secret')
  await writeFile(join(root, 'index.html'), '<h1>home</h1>')
  await writeFile(join(root, 'a.txt'), '0123456789')
  await writeFile(join(root, 'sub', 'index.html'), 'sub')
  await writeFile(join(root, '50x.html'), 'page of an error')
  await symlink(join(temp.path, 'secret.txt'), join(root, 'link.txt'))
  const room = resources.use(await openProxyRoom({ vhost: vhost(root) }))
  const kept = resources.move()
  return { room, root, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

const FILES: readonly [
  path: string,
  headers: Record<string, string>,
  status: number,
  body: string | RegExp,
][] = [
  ['/a.txt', {}, 200, '0123456789'],
  ['/', {}, 200, '<h1>home</h1>'],
  ['/sub/', {}, 200, 'sub'],
  ['/sub', {}, 301, /./],
  ['/empty/', {}, 403, /./],
  ['/missing', {}, 404, /./],
  ['/a.txt/', {}, 404, /./],
  ['/a.txt', { range: 'bytes=2-4' }, 206, '234'],
  ['/a.txt', { range: 'bytes=-3' }, 206, '789'],
  ['/a.txt', { range: 'bytes=8-' }, 206, '89'],
  ['/a.txt', { range: 'bytes=20-' }, 416, /./],
  ['/a.txt', { range: 'bytes=1-2,4-5' }, 200, '0123456789'],
  ['/a.txt', { 'if-match': '*' }, 200, '0123456789'],
  ['/a.txt', { 'if-match': '"other"' }, 412, /Not that version/],
  ['/a.txt', { 'if-unmodified-since': 'Fri, 31 Dec 1999 00:00:00 GMT' }, 412, /./],
  ['/a.txt', { 'if-unmodified-since': 'Fri, 31 Dec 2199 00:00:00 GMT' }, 200, '0123456789'],
  ['/a.txt', { 'if-unmodified-since': 'some day' }, 200, '0123456789'],
  ['/%61.txt', {}, 200, '0123456789'],
  ['//a.txt', {}, 200, '0123456789'],
  ['/sub/../a.txt', {}, 200, '0123456789'],
  ['/../secret.txt', {}, 400, /./],
  ['/sub/../../secret.txt', {}, 400, /./],
  ['/%2e%2e/secret.txt', {}, 400, /./],
  ['/..%2fsecret.txt', {}, 400, /./],
  ['/sub/..%5c..%5csecret.txt', {}, 400, /./],
  ['/a.txt%00.html', {}, 400, /./],
]

for (const [path, headers, status, body] of FILES) {
  test(`files: ${path} ${JSON.stringify(headers)} gives ${status}`, async () => {
    await using files = await openFiles((root) => `location / { root ${root}; }`)
    const answer = await fetch(files.room, path, headers)
    assert.equal(answer.status, status)
    if (typeof body === 'string') assert.equal(answer.body, body)
    else assert.match(answer.body, body)
    assert.doesNotMatch(answer.body, /^secret$/)
  })
}

test('`return 204` has neither a type nor a length nor a body', async () => {
  await using files = await openFiles(() => 'location / { return 204 text; }')
  const { status, headers, body } = await fetch(files.room, '/')
  const { 'content-type': type, 'content-length': length } = headers
  assert.deepEqual([status, type, length, body], [204, undefined, undefined, ''])
})

test('files: a fresh copy is not sent again', async () => {
  await using files = await openFiles((root) => `location / { root ${root}; expires 1h; }`)
  const first = await fetch(files.room, '/a.txt')
  assert.equal(first.headers['cache-control'], 'max-age=3600')
  assert.equal(first.headers['content-type'], 'text/plain; charset=utf-8')
  const etag = first.headers.etag ?? ''
  assert.equal((await fetch(files.room, '/a.txt', { 'if-none-match': etag })).status, 304)
  assert.equal((await fetch(files.room, '/a.txt', { 'if-match': `"other", ${etag}` })).status, 200)
  const past = 'Fri, 31 Dec 1999 00:00:00 GMT'
  // The tag decides; the time is ignored then.
  const both = await fetch(files.room, '/a.txt', { 'if-match': etag, 'if-unmodified-since': past })
  assert.equal(both.status, 200)
  const since = first.headers['last-modified'] ?? ''
  assert.equal((await fetch(files.room, '/a.txt', { 'if-modified-since': since })).status, 304)
})

test('files: alias takes the place of the path, try_files tries one after the other', async () => {
  await using files = await openFiles(
    (root) =>
      `location /files/ { alias ${root}/; } location / { root ${root}; try_files $uri /nothing /index.html; }`,
  )
  assert.equal((await fetch(files.room, '/files/a.txt')).body, '0123456789')
  assert.equal((await fetch(files.room, '/some/page')).body, '<h1>home</h1>')
  assert.equal((await fetch(files.room, '/files/../../secret.txt')).status, 400)
})

test('error_page: the page of the vhost file, with the status of the error', async () => {
  await using files = await openFiles(
    (root) =>
      `error_page 502 503 504 /50x.html; location = /50x.html { root ${root}; } location / { proxy_pass http://127.0.0.1:1; }`,
  )
  const answer = await fetch(files.room, '/')
  assert.deepEqual([answer.status, answer.body], [502, 'page of an error'])
})

const REDIRECTS: readonly [vhost: string, path: string, target: string][] = [
  ['return 301 $request_uri;', '//other.example/x?y', 'http://app.example//other.example/x?y'],
  ['return 302 /$arg_to;', '/?to=/other.example', 'http://app.example//other.example'],
  ['return 302 /$arg_to;', '/?to=\\\\other.example', 'http://app.example///other.example'],
  ['rewrite ^ $request_uri? permanent;', '//other.example', 'http://app.example//other.example'],
  ['return 301 /new$request_uri;', '/a', 'http://app.example/new/a'],
  ['return 301 https://other.example$request_uri;', '//a', 'https://other.example//a'],
]

for (const [vhost, path, target] of REDIRECTS) {
  test(`a redirect to a path stays on its host: "${vhost}" with ${path}`, async () => {
    await using room = await openProxyRoom({ vhost })
    const { headers } = await fetch(room, path)
    assert.equal(new URL(headers.location ?? '', `http://${HOST}/`).href, target)
  })
}

test('limit_rate: bytes come at the pace that is set', async () => {
  await using app = await startApp((_request, response) => response.end(Buffer.alloc(400_000)))
  await using room = await openProxyRoom({ ports: [app.port], vhost: 'limit_rate 400k;' })
  const before = performance.now()
  const { body } = await fetch(room, '/')
  assert.equal(body.length, 400_000)
  assert.ok(performance.now() - before > 500)
})

/** A checker that knows one user. */
const passwords: NonNullable<ProxyRoomOptions['passwords']> = {
  check: async (file, user, password) =>
    file.endsWith('missing')
      ? { kind: 'no-file' }
      : file.endsWith('broken')
        ? { kind: 'unreadable', reason: 'EIO' }
        : user === 'alice' && password === 'pass:word'
          ? { kind: 'right' }
          : { kind: 'wrong' },
}
const LOGIN = `Basic ${Buffer.from('alice:pass:word').toString('base64')}`

const AUTH: readonly [vhost: string, headers: Record<string, string>, status: number][] = [
  ['auth_basic R; auth_basic_user_file /users;', {}, 401],
  ['auth_basic R; auth_basic_user_file /users;', { authorization: LOGIN }, 200],
  ['auth_basic R; auth_basic_user_file /users;', { authorization: 'Basic !!!' }, 401],
  ['auth_basic R; auth_basic_user_file /users;', { authorization: 'Bearer x' }, 401],
  ['auth_basic R; auth_basic_user_file /missing;', { authorization: LOGIN }, 403],
  ['auth_basic R; auth_basic_user_file /broken;', { authorization: LOGIN }, 500],
  ['auth_basic R;', { authorization: LOGIN }, 403],
  ['deny all; auth_basic R; auth_basic_user_file /users;', { authorization: LOGIN }, 403],
  ['satisfy any; allow 127.0.0.1; deny all; auth_basic R; auth_basic_user_file /users;', {}, 200],
  ['satisfy any; deny all; auth_basic R; auth_basic_user_file /users;', {}, 401],
  ['deny 127.0.0.0/8;', {}, 403],
]

for (const [vhost, headers, status] of AUTH) {
  test(`access: ${status} with "${vhost}" and ${headers.authorization ? 'a log-in' : 'nothing'}`, async () => {
    await using app = await startApp((_request, response) => response.end('in'))
    await using room = await openProxyRoom({ ports: [app.port], vhost, passwords })
    const answer = await fetch(room, '/', headers)
    assert.equal(answer.status, status)
    assert.equal(answer.headers['www-authenticate'], status === 401 ? 'Basic realm="R"' : undefined)
    assert.ok(!JSON.stringify(room.log).includes('pass:word'))
  })
}

test('access: NETWORK_ACCESS=internal keeps others out', async () => {
  await using app = await startApp((_request, response) => response.end('in'))
  await using room = await openProxyRoom({
    ports: [app.port],
    declaration: { networkAccess: 'internal' },
    trustedProxies: ['127.0.0.1'],
  })
  assert.equal((await fetch(room, '/')).status, 200)
  assert.equal((await fetch(room, '/', { 'x-forwarded-for': '192.0.2.1' })).status, 403)
})

test('limits: a rate refuses what is above its burst, a count what is under way', async () => {
  const waiting: ServerResponse[] = []
  await using app = await startApp((request, response) => {
    if (request.url === '/wait') waiting.push(response)
    else response.end('in')
  })
  await using room = await openProxyRoom({
    ports: [app.port],
    http: 'limit_req_zone $binary_remote_addr zone=r:1m rate=1r/s; limit_conn_zone $host zone=c:1m;',
    vhost:
      'location /rate { limit_req zone=r burst=1 nodelay; limit_req_status 429; proxy_pass http://app.example; } location /wait { limit_conn c 1; proxy_pass http://app.example; }',
  })
  const statuses = []
  for (let turn = 0; turn < 4; turn++) statuses.push((await fetch(room, '/rate')).status)
  assert.deepEqual(statuses, [200, 200, 429, 429])
  const first = fetch(room, '/wait')
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  assert.equal((await fetch(room, '/wait')).status, 503)
  waiting[0]?.end('done')
  assert.equal((await first).status, 200)
})

test('limits: a visitor who leaves while the password is checked is counted no longer', async () => {
  await using app = await startApp((_request, response) => response.end('in'))
  const requested = Promise.withResolvers<void>()
  const checked = Promise.withResolvers<void>()
  let checks = 0
  await using room = await openProxyRoom({
    ports: [app.port],
    http: 'limit_conn_zone $host zone=c:1m;',
    vhost: 'auth_basic R; auth_basic_user_file /users; limit_conn c 1;',
    passwords: {
      async check() {
        if (checks++ > 0) return { kind: 'right' }
        requested.resolve()
        await checked.promise
        return { kind: 'right' }
      },
    },
  })
  const visitor = connect(room.port, '127.0.0.1')
  visitor.write(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nAuthorization: Basic dTpw\r\n\r\n`)
  await requested.promise
  visitor.destroy()
  // The server notices the end of a connection in a later turn.
  await new Promise((resolve) => setTimeout(resolve, 50))
  checked.resolve()
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal((await fetch(room, '/', { authorization: 'Basic dTpw' })).status, 200)
})

test('gzip: what the vhost file names is compressed for clients that take it', async () => {
  await using app = await startApp((_request, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8', etag: '"x"' })
      .end('{"a":1}'.repeat(100))
  })
  await using room = await openProxyRoom({
    ports: [app.port],
    vhost: 'gzip on; gzip_types application/json;',
  })
  const packed = await fetch(room, '/', { 'accept-encoding': 'gzip' })
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.equal(packed.headers.etag, 'W/"x"')
  const plain = await fetch(room, '/', { 'accept-encoding': 'gzip;q=0, identity' })
  assert.deepEqual([plain.headers['content-encoding'], plain.body.length], [undefined, 700])
})

test('the registry gets its own host, with its limit and headers, and asks for passwords itself', async () => {
  await using room = await openProxyRoom({
    declaration: { source: { kind: 'registry' }, httpsMethod: 'noredirect' },
    paths: [{ path: '/', destination: '', target: { kind: 'registry' } }],
    vhost:
      'client_max_body_size 10; add_header X-Added yes always; auth_basic R; auth_basic_user_file /users;',
    registry: (request, response) => {
      request.resume()
      request.on('end', () => response.writeHead(201, ['x-own', 'yes']).end('pushed'))
    },
  })
  const head = `PUT /v2/x HTTP/1.1\r\nHost: ${HOST}\r\n`
  const fine = await exchange(room.port, `${head}Content-Length: 5\r\n\r\nhello`)
  assert.match(fine.text, /^HTTP\/1\.1 201 [\s\S]*pushed/)
  assert.match(fine.text, /^x-added: yes\r$/im)
  assert.match(fine.text, /^x-own: yes\r$/im)
  for (const body of [
    'Content-Length: 11\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n',
  ]) {
    const { text } = await exchange(room.port, head + body)
    assert.match(text, /^HTTP\/1\.1 413 /)
    assert.match(text, /"code":"SIZE_INVALID".*app\.example:1/)
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
  }
})

test('what reads a body for the registry that grows too large sees a client that is gone', async () => {
  const gone = Promise.withResolvers<string>()
  await using room = await openProxyRoom({
    declaration: { source: { kind: 'registry' }, httpsMethod: 'noredirect' },
    paths: [{ path: '/', destination: '', target: { kind: 'registry' } }],
    vhost: 'client_max_body_size 10;',
    registry: (request) => {
      let text = ''
      request.on('data', (chunk) => (text += String(chunk)))
      request.once('end', () => gone.resolve('ended')).once('close', () => gone.resolve(text))
    },
  })
  const pieces = '3\r\n012\r\n8\r\n34567890\r\n0\r\n\r\n'
  const head = `PUT /v2/x HTTP/1.1\r\nHost: ${HOST}\r\nTransfer-Encoding: chunked\r\n\r\n`
  assert.match((await exchange(room.port, head + pieces)).text, /^HTTP\/1\.1 413 /)
  assert.equal(await gone.promise, '012')
})
