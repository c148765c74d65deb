import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { requestDoor, statusOf } from '../../test/support/door/request-door.ts'
import {
  connectTo,
  createCertificates,
  makeTable,
  openTestDoor,
  readAll,
  type SiteWish,
} from '../../test/support/door/test-door.ts'
import type { CertificateSource } from './sites/ports.ts'

const A = { host: 'a.test' }
const REGISTRY: SiteWish = { host: 'registry.test', source: { kind: 'registry' } }

const HEADS: Readonly<Record<string, readonly [head: string, status: number, url?: string]>> = {
  'a usual request': ['GET /x HTTP/1.1\r\nHost: a.test\r\n', 200, '/x'],
  'the absolute form': ['GET http://A.test/x?y HTTP/1.1\r\nHost: a.test\r\n', 200, '/x?y'],
  'the absolute form without a path': ['GET https://a.test?y HTTP/1.1\r\nHost: a.test\r\n', 200, '/?y'],
  'the absolute form of another host': ['GET http://b.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'the absolute form with a user': ['GET http://u@a.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'another scheme': ['GET ftp://a.test/x HTTP/1.1\r\nHost: a.test\r\n', 400],
  'two hosts': ['GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n', 400],
  'one host twice': ['GET / HTTP/1.1\r\nHost: a.test\r\nHOST: a.test\r\n', 400],
  'two log-ins': [
    'GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic YTpi\r\nauthorization: Basic YTpj\r\n',
    400,
  ],
  'one log-in': ['GET /x HTTP/1.1\r\nHost: a.test\r\nAuthorization: Basic YTpi\r\n', 200, '/x'],
  'no host': ['GET / HTTP/1.1\r\nX: a.test\r\n', 400],
  'an empty host': ['GET / HTTP/1.1\r\nHost:\r\n', 400],
  'a host with a path': ['GET / HTTP/1.1\r\nHost: a.test/b\r\n', 400],
  'a tunnel': ['CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n', 405],
  'an upgrade to HTTP/2': [
    'GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: h2c\r\n',
    200,
    '/x',
  ],
  'an upgrade of a registry': [
    'GET /x HTTP/1.1\r\nHost: r.test\r\nConnection: upgrade\r\nUpgrade: x\r\n',
    200,
    '/x',
  ],
  'an upgrade of no host': ['GET /x HTTP/1.1\r\nHost: u.test\r\nConnection: upgrade\r\nUpgrade: x\r\n', 503],
}
for (const [what, [head, status, url]] of Object.entries(HEADS)) {
  test(`the front door answers ${what} with ${status}`, async () => {
    const httpsMethod = 'nohttps'
    await using door = await openTestDoor(
      makeTable({ ...A, httpsMethod }, { ...REGISTRY, host: 'r.test', httpsMethod }),
    )
    const socket = await connectTo(door.httpPort)
    const isUpgrade = head.includes('Upgrade')
    socket.write(`${head}${isUpgrade ? '' : 'Connection: close\r\n'}\r\n`)
    const [bytes] = await once(socket, 'data')
    socket.destroy()
    assert.match(String(bytes), new RegExp(`^HTTP/1.1 ${status} `))
    if (url !== undefined) assert.match(String(bytes), new RegExp(`"url":"${url.replaceAll('?', '\\?')}"`))
    assert.deepEqual(door.failures, [])
  })
}

test('the front door passes upgrades on, with what came behind them', async () => {
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }))
  const socket = await connectTo(door.httpPort)
  socket.write('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
    if (text.endsWith('early')) socket.write('late')
    if (text.endsWith('late')) socket.end()
  })
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1\.1 101 .*\r\n\r\nearlylate$/s)
})

test('the front door survives a handler that fails', async () => {
  await using door = await openTestDoor(makeTable({ ...A, httpsMethod: 'nohttps' }), {
    handler: {
      serve: ({ request }) => (request.url === '/later' ? Promise.reject(new Error('later')) : fail()),
      observe: () => undefined,
      mayUpgrade: () => true,
      upgrade: () => Promise.reject(new Error('upgrade')),
    },
  })
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/later')), 500)
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/now')), 500)
  const socket = await connectTo(door.httpPort)
  socket.write('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
  assert.equal((await readAll(socket)).length, 0)
  assert.equal(door.failures.length, 3)
})

function fail(): never {
  throw new Error('now')
}

test('the front door survives certificates and tables that fail', async () => {
  const broken = { isOn: false }
  const certificates: CertificateSource = {
    find(name, options) {
      if (broken.isOn) throw new Error('broken')
      return createCertificates({ 'a.test': 'a.test' }).find(name, options)
    },
    findClients: () => undefined,
  }
  await using door = await openTestDoor(makeTable(A), { certificates })
  broken.isOn = true
  assert.match(String(statusOf(await requestDoor(door, 'https://a.test/'))), /disconnected/)
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/')), 500)
  const upgrade = { connection: 'upgrade', upgrade: 'x' }
  assert.equal(statusOf(await requestDoor(door, 'http://a.test/', { headers: upgrade })), 500)
  assert.equal(door.failures.length, 3)
  broken.isOn = false
  assert.equal(statusOf(await requestDoor(door, 'https://a.test/')), 200)
})
