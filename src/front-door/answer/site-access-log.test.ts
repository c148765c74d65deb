import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { exchange, get, HOST, openProxyRoom } from '../../../test/support/door/proxy-room.ts'
import { type App, startApp } from '../../../test/support/door/start-app.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { stripControlCharacters } from '../../log/access-line.ts'
import { formatErrorPage } from '../listen/http/refusals/error-pages.ts'
import { compileServer } from '../vhost/compile/compile-server.ts'
import { openSiteLog, type SiteLogLine } from './site-access-log.ts'

const LINE: SiteLogLine = {
  host: HOST,
  remoteAddress: '192.0.2.1',
  user: undefined,
  method: 'GET',
  target: '/a?b',
  protocol: 'HTTP/1.1',
  status: 200,
  bytes: 5,
  ms: 1.26,
  referer: undefined,
  agent: 'curl/8',
  id: 'r1',
}

const PLACE = { site: HOST, file: undefined }

/** A log that keeps its lines. */
function keepLines() {
  const lines: SiteLogLine[] = []
  return {
    lines,
    write: (line: SiteLogLine) => void lines.push(line),
    reopen: () => {},
    close: async () => {},
  }
}

function basic(user: string): string {
  return `Authorization: Basic ${Buffer.from(`${user}:secret`).toString('base64')}`
}

async function startLoggedApp(): Promise<App> {
  const app = await startApp((request, response) => {
    if (request.url === '/hangs') response.write('x')
    else if (request.url === '/binary') response.end(Buffer.alloc(1000, 0xe9))
    else response.end('hello')
  })
  app.server.on('upgrade', (_request: IncomingMessage, socket: Duplex) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n1234567')
    socket.on('error', () => {})
    setTimeout(() => socket.end('89'), 20)
  })
  return app
}

test('the access log has a line for each request: who, what, status, bytes of the body', async () => {
  await using app = await startLoggedApp()
  const siteLog = keepLines()
  await using room = await openProxyRoom({ ports: [app.port], siteLog, vhost: 'location /no { deny all; }' })
  await exchange(room.port, get('/x?y', basic('ann'), 'User-Agent: me', 'Referer: http://ann:s3cret@there/'))
  await exchange(room.port, get('/no'))
  await exchange(room.port, get('/hangs'), { quietMs: 50 })
  while (siteLog.lines.length < 3) await new Promise((resolve) => setTimeout(resolve, 5))
  const logged = siteLog.lines.map(({ host, user, target, status, bytes, agent, referer }) => [
    ...[host, user, target, status, bytes > 100 ? 'page' : bytes],
    ...[agent, referer],
  ])
  assert.deepEqual(logged, [
    [HOST, 'ann', '/x?y', 200, 5, 'me', 'http://[redacted]@there/'],
    [HOST, undefined, '/no', 403, 'page', undefined, undefined],
    [HOST, undefined, '/hangs', 200, 1, undefined, undefined],
  ])
})

test('the access log counts bytes, not what they would be as text', async () => {
  await using app = await startLoggedApp()
  const siteLog = keepLines()
  await using room = await openProxyRoom({ ports: [app.port], siteLog })
  const { text } = await exchange(room.port, get('/binary'))
  assert.match(text, /^content-length: 1000\r$/im)
  assert.ok(text.endsWith('\xe9'.repeat(1000)))
  assert.deepEqual(
    siteLog.lines.map(({ bytes }) => bytes),
    [1000],
  )
})

test('the access log has upgraded connections when they are over, and refused ones', async () => {
  await using app = await startLoggedApp()
  const siteLog = keepLines()
  await using room = await openProxyRoom({ ports: [app.port], siteLog, vhost: 'location /no { deny all; }' })
  await exchange(room.port, get('/ws', 'Connection: Upgrade', 'Upgrade: x'))
  await exchange(room.port, get('/no', 'Connection: Upgrade', 'Upgrade: x'))
  assert.deepEqual(
    siteLog.lines.map(({ target, status, bytes }) => [target, status, bytes]),
    [
      ['/ws', 101, 9],
      ['/no', 403, formatErrorPage(403).length],
    ],
  )
})

test('the access log has redirects to TLS and requests of HTTP/2', async () => {
  await using app = await startLoggedApp()
  const siteLog = keepLines()
  const declaration = { httpsMethod: 'redirect' } as const
  await using room = await openProxyRoom({ ports: [app.port], siteLog, declaration })
  await exchange(room.port, get('/'))
  const session = connectHttp2(`https://127.0.0.1:${room.tlsPort}`, {
    servername: HOST,
    rejectUnauthorized: false,
  })
  const stream = session.request({ ':path': '/two', ':authority': HOST })
  stream.resume()
  await once(stream, 'close')
  session.close()
  await once(session, 'close')
  assert.deepEqual(
    siteLog.lines.map(({ target, protocol, status, bytes }) => [
      target,
      protocol,
      status,
      bytes > 100 || bytes,
    ]),
    [
      ['/', 'HTTP/1.1', 301, true],
      ['/two', 'HTTP/2.0', 200, 5],
    ],
  )
})

test('`access_log off` keeps what ends there out of the log', async () => {
  await using app = await startLoggedApp()
  const siteLog = keepLines()
  const vhost = 'location /quiet { access_log off; return 204; } location /loud { return 204; }'
  await using room = await openProxyRoom({ ports: [app.port], siteLog, vhost })
  for (const path of ['/quiet', '/loud']) await exchange(room.port, get(path), { quietMs: 50 })
  await using off = await openProxyRoom({ ports: [app.port], siteLog, vhost: 'access_log off;' })
  await exchange(off.port, get('/'), { quietMs: 50 })
  await exchange(off.port, get('/', 'Connection: Upgrade', 'Upgrade: x'))
  const declaration = { httpsMethod: 'redirect' } as const
  await using redirected = await openProxyRoom({ siteLog, declaration, vhost: 'access_log off;' })
  await exchange(redirected.port, get('/'), { quietMs: 50 })
  assert.deepEqual(
    siteLog.lines.map(({ target }) => target),
    ['/loud'],
  )
})

test('the lines of a file are those of nginx, or JSON, and nobody can forge one', async () => {
  await using temp = await makeTempFolder('site-log')
  const evil = { ...LINE, user: 'a "b\n', target: '/"\x1b[2J', agent: 'x\r\n192.0.2.9 - -' }
  const texts: string[] = []
  for (const format of ['combined', 'json'] as const) {
    const path = join(temp.path, format)
    const log = openSiteLog(path, format, assert.fail)
    log.write(LINE, PLACE)
    log.write(evil, PLACE)
    await log.close()
    texts.push(await readFile(path, 'utf8'))
  }
  const [combined = '', json = ''] = texts
  const [first = '', second = '', ...rest] = combined.split('\n')
  assert.match(
    first,
    /^app\.example 192\.0\.2\.1 - - \[\d\d\/\w{3}\/\d{4}:[\d:]{8} \+0000\] "GET \/a\?b HTTP\/1\.1" 200 5 "-" "curl\/8" "r1"$/,
  )
  assert.match(second, /^app\.example 192\.0\.2\.1 - a\\x20\\x22b\S* \[.*\] "GET \/\\x22/)
  assert.deepEqual(rest, [''])
  assert.equal(stripControlCharacters(combined.replaceAll('\n', '')), combined.replaceAll('\n', ''))
  const [logged] = json
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual([logged?.bytes, logged?.ms, logged?.target, logged?.host], [5, 1.3, '/a?b', HOST])
})

test('in a folder each declared host has a file, whatever its name', async () => {
  await using temp = await makeTempFolder('site-log')
  const log = openSiteLog(temp.path, 'json', assert.fail)
  const long = `${'a'.repeat(60)}.`.repeat(4)
  for (const site of [HOST, '*.a.example', 'a.*', '~^../../x$', `${long}example`, `${long}example.org`]) {
    log.write({ ...LINE, host: 'chosen.by.visitor' }, { site, file: undefined })
    log.write(LINE, { site, file: undefined })
  }
  await log.close()
  const names = (await readdir(temp.path)).sort()
  assert.deepEqual(
    names.map((name) => name.replace(/[0-9a-f]{40}/, '<sha1>')),
    ['%2A.a.example.log', '%7E<sha1>.log', '%<sha1>.log', '%<sha1>.log', 'a.%2A.log', 'app.example.log'],
  )
  assert.ok(names.every((name) => /^[\w.%-]{1,220}$/.test(name)))
  for (const name of names) {
    assert.equal((await readFile(join(temp.path, name), 'utf8')).trim().split('\n').length, 2)
  }
})

test('`access_log` of a vhost file names the file below the folder, and the format', async () => {
  await using temp = await makeTempFolder('site-log')
  await mkdir(join(temp.path, 'deep'))
  await using app = await startLoggedApp()
  const siteLog = openSiteLog(temp.path, 'json', assert.fail)
  const vhost = `
    location /own { return 204; }
    location /plain { access_log /var/log/nginx/plain.log combined buffer=4k; return 204; }
    location /deep { access_log deep/b.log vhost; return 204; }
    location /out { access_log /etc/cron.d/evil combined; return 204; }
    location /up { access_log ../up.log main if=$x; return 204; }`
  await using room = await openProxyRoom({ ports: [app.port], siteLog, vhost })
  for (const path of ['/own', '/plain', '/deep', '/out', '/up']) {
    await exchange(room.port, get(path), { quietMs: 30 })
  }
  await siteLog.close()
  const read = (name: string): Promise<string> => readFile(join(temp.path, name), 'utf8')
  assert.deepEqual((await readdir(temp.path)).sort(), ['app.example.log', 'deep', 'plain.log'])
  assert.match(
    await read('plain.log'),
    /^127\.0\.0\.1 - - \[[^\]]+\] "GET \/plain HTTP\/1\.1" 204 0 "-" "-"\n$/,
  )
  assert.match(await read('deep/b.log'), /^app\.example 127\.0\.0\.1 - - .* "GET \/deep .* "-" "r3"\n$/)
  const own = (await read('app.example.log')).trim().split('\n')
  assert.match(own[0] ?? '', /"target":"\/own"/)
  assert.match(own[1] ?? '', /^127\.0\.0\.1 .*\/out/)
  assert.match(own[2] ?? '', /"target":"\/up"/)
})

test('what `access_log` asks for and does not get is reported', () => {
  const compileWarnings = (text: string, hasLogFiles: boolean): string[] =>
    compileServer({
      ...{ host: HOST, isRegistry: false, locations: [], hasLogFiles },
      serverFile: { file: 'f', text },
      resolvePath: (path) => path,
      readInclude: () => undefined,
    }).problems.map(({ line, severity, message }) => `${line} ${severity} ${message}`)
  assert.deepEqual(compileWarnings('access_log /var/log/nginx/a.log;\naccess_log b.log json gzip;', true), [
    '2 warns "access_log" stands here twice: lines go to the last file only',
  ])
  assert.deepEqual(compileWarnings('access_log syslog:server=x main if=$y;', true), [
    `1 warns "access_log" names no file below /var/log/nginx/: syslog:server=x; the host's own log file is used`,
    '1 warns "access_log" has the format "main", not one of combined, vhost, json; that of site-log-format is used',
    '1 warns "access_log" has a condition, which is passed over: all is logged',
  ])
  assert.deepEqual(compileWarnings('access_log a.log;', false), [
    '1 warns "access_log" has no effect here: site-log names no folder for log files',
  ])
  assert.deepEqual(compileWarnings('access_log off;', false), [])
})

test('a rotation loses no line', async () => {
  await using temp = await makeTempFolder('site-log')
  const path = join(temp.path, 'access.log')
  const log = openSiteLog(path, 'json', assert.fail)
  for (let index = 0; index < 300; index++) {
    log.write({ ...LINE, id: String(index) }, PLACE)
    if (index % 100 === 50) {
      // The one before is over when its new file is there.
      while (!existsSync(path)) await new Promise((resolve) => setImmediate(resolve))
      await rename(path, `${path}.${index}`)
      log.reopen()
    }
    if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await log.close()
  const files = [path, ...[50, 150, 250].map((index) => `${path}.${index}`)]
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')))
  const ids = texts
    .join('')
    .trim()
    .split('\n')
    .map((line) => Number((JSON.parse(line) as { id: string }).id))
  assert.deepEqual(
    ids.sort((a, b) => a - b),
    Array.from({ length: 300 }, (_, index) => index),
  )
})

test('a file that cannot be opened is reported at once, one that fails later by a problem', async () => {
  await using temp = await makeTempFolder('site-log')
  assert.throws(() => openSiteLog(join(temp.path, 'no', 'access.log'), 'json', assert.fail), {
    code: 'ENOENT',
  })
  const problems: string[] = []
  const log = openSiteLog('/dev/full', 'json', (problem) => problems.push(problem))
  log.write(LINE, PLACE)
  log.reopen()
  log.write(LINE, PLACE)
  await log.close()
  assert.deepEqual(problems, ['it cannot be written (ENOSPC)'])
})

test('the access log says why a path was refused, and so does the log of the operator', async () => {
  const siteLog = keepLines()
  await using room = await openProxyRoom({ siteLog, vhost: 'location /admin/ { deny all; }' })
  await exchange(room.port, get('/admin%5Cx', 'Connection: close'))
  await exchange(room.port, get('/..', 'Connection: close'))
  while (siteLog.lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(
    siteLog.lines.map(({ status }) => status),
    [400, 400],
  )
  const reasons = siteLog.lines.map(({ reason }) => reason)
  assert.match(reasons[0] ?? '', /different rules/)
  assert.match(reasons[1] ?? '', /above the root/)
  const logged = room.log.filter(({ msg }) => msg === 'the path of a request was refused')
  assert.deepEqual(
    logged.map(({ host, id, reason }) => [host, id, reason]),
    siteLog.lines.map(({ host, id, reason }) => [host, id, reason]),
  )
})
