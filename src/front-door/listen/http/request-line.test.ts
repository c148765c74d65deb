import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { FUZZ_SHARE } from '../../../../test/support/content/fuzz-share.ts'
import { SeededRandom } from '../../../../test/support/content/seeded-random.ts'
import {
  connectTo,
  createCertificates,
  makeTable,
  openTestDoor,
  readAll,
} from '../../../../test/support/door/test-door.ts'
import { parseTarget } from '../../exchange/canonical-path.ts'
import type { SiteHandler, SiteVisit } from '../../exchange/site-handler.ts'
import { parseAuthority } from '../../visit/address/host-name.ts'

/** Connections at once, and the requests sent on each: enough to try all pairs below, in seconds. */
const ROUNDS = 60 * FUZZ_SHARE
const PER_ROUND = 32

const METHODS = ['GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT', 'get', 'G\0T', '', 'PROPFIND', 'PRI', 'GET GET']
const TARGETS = [
  '/',
  '/a',
  '//b',
  '/%2e%2e/x',
  '/..',
  '/a%2fb',
  '*',
  'http://a.test/x',
  'http://b.test/',
  'a.test:80',
]
const PIECES = [
  '?',
  '#',
  '%',
  '%00',
  '\\',
  '\t',
  '\r',
  '\n',
  '\xff',
  ';',
  '@',
  ' ',
  'http://',
  '../../../',
  '/./',
  '\x7f',
]
const HOSTS = [
  'a.test',
  'A.TEST:80',
  'b.test',
  '',
  'a.test, b.test',
  'a.test\tb.test',
  'a.test/',
  '[::1]',
  'u@a.test',
]
const HEADERS = [
  'Host: a.test',
  'Host : a.test',
  'Content-Length: 0',
  'Content-Length: 1, 1',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Expect: 100-continue',
  'Connection: upgrade\r\nUpgrade: websocket',
  'Connection: close, host',
  'X-Forwarded-For: \xff,,1.2.3.4',
  ' folded: x',
]

/** Every request that comes through must be of a form that handlers may rely on. */
function createChecker(reached: { count: number; problems: string[] }): SiteHandler {
  const check = ({ target, host, authority }: SiteVisit): void => {
    reached.count++
    if (!target.startsWith('/') && target !== '*') reached.problems.push(`target ${JSON.stringify(target)}`)
    if (parseAuthority(authority)?.host !== host)
      reached.problems.push(`authority ${JSON.stringify(authority)}`)
    if (host !== 'a.test') reached.problems.push(`host ${JSON.stringify(host)}`)
    parseTarget(target)
  }
  return {
    observe: () => undefined,
    mayUpgrade: () => true,
    serve(visit, response) {
      check(visit)
      response.end()
      return Promise.resolve()
    },
    upgrade(visit, socket) {
      check(visit)
      socket.end()
      return Promise.resolve()
    },
  }
}

test('the front door answers any head of a request, and passes on only what is clear', async () => {
  const random = new SeededRandom('request-line')
  const reached = { count: 0, problems: [] as string[] }
  await using door = await openTestDoor(makeTable({ host: 'a.test', httpsMethod: 'nohttps' }), {
    handler: createChecker(reached),
  })
  const one = async (): Promise<void> => {
    const socket = await connectTo(door.httpPort)
    socket.end(makeHead(random), 'latin1')
    const text = (await readAll(socket)).toString('latin1')
    socket.destroy()
    assert.ok(text === '' || /^HTTP\/1\.1 \d{3} /.test(text), text)
  }
  for (let round = 0; round < ROUNDS; round++) await Promise.all(Array.from({ length: PER_ROUND }, one))
  assert.deepEqual(reached.problems, [])
  assert.deepEqual(door.failures, [])
  assert.ok(reached.count > 100 * FUZZ_SHARE, String(reached.count))
})

function makeHead(random: SeededRandom): string {
  let target = random.pick(TARGETS) ?? '/'
  for (let edit = random.between(0, 3); edit > 0; edit--) {
    const at = random.between(0, target.length)
    target = target.slice(0, at) + (random.pick(PIECES) ?? '') + target.slice(at)
  }
  const method = random.chance(0.7) ? 'GET' : (random.pick(METHODS) ?? '')
  const version = random.chance(0.9)
    ? 'HTTP/1.1'
    : (random.pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '']) ?? '')
  const host = random.chance(0.7) ? 'a.test' : (random.pick(HOSTS) ?? '')
  const headers = [`Host: ${host}`]
  for (let count = random.between(0, 2); count > 0; count--) headers.push(random.pick(HEADERS) ?? '')
  return `${method} ${target} ${version}\r\n${headers.join('\r\n')}\r\n\r\n`
}

test('the front door takes one host only in HTTP/2', async () => {
  const reached = { count: 0, problems: [] as string[] }
  await using door = await openTestDoor(makeTable({ host: 'a.test' }), {
    certificates: createCertificates({ 'a.test': 'a.test' }),
    handler: createChecker(reached),
  })
  const session = connectHttp2(`https://127.0.0.1:${door.httpsPort}`, {
    servername: 'a.test',
    rejectUnauthorized: false,
  })
  const rows: readonly (readonly [headers: Record<string, string>, status: number])[] = [
    [{ ':authority': 'a.test' }, 200],
    [{ ':authority': 'a.test', host: 'a.test' }, 200],
    [{ ':authority': 'a.test', host: 'b.test' }, 400],
    [{ ':authority': 'a.test,b.test' }, 400],
    [{ ':authority': 'u@a.test' }, 400],
    [{ ':authority': 'b.test' }, 421],
  ]
  for (const [headers, status] of rows) {
    const stream = session.request({ ':path': '/', ...headers })
    const answer = await new Promise<number>((resolve) => {
      stream.once('response', (response) => resolve(Number(response[':status'])))
      // For some the library here is the first to refuse them.
      stream.once('error', () => resolve(400))
    })
    stream.close()
    assert.equal(answer, status, JSON.stringify(headers))
  }
  session.destroy()
  assert.deepEqual(reached.problems, [])
  assert.equal(reached.count, 2)
})

test('the front door takes one log-in only in HTTP/2', async () => {
  const reached = { count: 0, problems: [] as string[] }
  await using door = await openTestDoor(makeTable({ host: 'a.test' }), {
    certificates: createCertificates({ 'a.test': 'a.test' }),
    handler: createChecker(reached),
  })
  const [good, bad] = [
    await readStatusByte(door.httpsPort, ['x']),
    await readStatusByte(door.httpsPort, ['x', 'x']),
  ]
  assert.deepEqual([good, bad], [STATUS_200, STATUS_400])
  assert.equal(reached.count, 1)
})

/** `:status: 200` and `:status: 400` (RFC 7541, appendix A). */
const STATUS_200 = 0x88
const STATUS_400 = 0x8c

/** The first byte of an answer's headers; written by hand, as Node's client sends no two log-ins. */
async function readStatusByte(port: number, logins: readonly string[]): Promise<number | undefined> {
  const socket = connectTls({ port, servername: 'a.test', ALPNProtocols: ['h2'], rejectUnauthorized: false })
  const text = (value: string): Buffer => Buffer.from(`${String.fromCharCode(value.length)}${value}`)
  const headers = Buffer.concat([
    // `:method: GET`, `:path: /`, `:scheme: https`, and `:authority` by its number.
    Buffer.from([0x82, 0x84, 0x87, 0x01]),
    text('a.test'),
    // `authorization` by its number.
    ...logins.flatMap((login) => [Buffer.from([0x0f, 0x08]), text(login)]),
  ])
  const frame = (type: number, flags: number, stream: number, payload: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]), payload])
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  socket.write(
    Buffer.concat([frame(SETTINGS_FRAME, 0, 0, Buffer.alloc(0)), frame(HEADERS_FRAME, 5, 1, headers)]),
  )
  try {
    let received = Buffer.alloc(0)
    for await (const bytes of socket) {
      received = Buffer.concat([received, bytes])
      while (received.length > 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        if (received[3] === HEADERS_FRAME) return received[9]
        received = received.subarray(9 + received.readUIntBE(0, 3))
      }
    }
  } finally {
    socket.destroy()
  }
  return undefined
}

const HEADERS_FRAME = 1
const SETTINGS_FRAME = 4
