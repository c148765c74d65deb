import assert from 'node:assert/strict'
import events from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { describe, test } from 'node:test'
import { type ClientPaper, makeRevocations } from '../../../test/support/certificates/client-papers.ts'
import {
  CA,
  dial,
  ELSEWHERE,
  OTHER_CA,
  openClientHosts,
  REFUSED,
  requestHost,
  type SecureOptions,
  STAFF,
  STRANGER,
  secure,
} from '../../../test/support/door/client-hosts.ts'
import { requestDoor } from '../../../test/support/door/request-door.ts'
import { readAll, type TestDoor } from '../../../test/support/door/test-door.ts'
import type { FrontDoorParts } from '../front-door.ts'

describe('nobody comes to a host with a file of CAs', () => {
  const files = { 'a.test.ca.crt': CA.pem, 'b.test.ca.crt': OTHER_CA.pem }

  test('over a connection that was opened for another name, or for none', async () => {
    await using room = await openClientHosts(files)
    for (const [sni, client] of [
      ['open.test', undefined],
      ['open.test', STAFF],
      ['b.test', STRANGER],
      ['', STAFF],
    ] as const) {
      const options = { sni, headers: { host: 'a.test' }, ...(client && { client }) }
      assert.match(await requestHost(room, 'https://a.test/', options), /^421 |alert 112/, sni)
    }
    assert.equal(
      await requestHost(room, 'https://a.test/', {
        sni: 'a.test',
        client: STAFF,
        headers: { host: 'open.test' },
      }),
      ELSEWHERE,
    )
  })

  test('over such a connection where it is the default host, or below a wildcard', async () => {
    const wild = { host: '*.test', isDefault: true }
    await using room = await openClientHosts({ 'ca.crt': CA.pem, 'default.crt': '' }, [wild])
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), '200')
    assert.equal(
      await requestHost(room, 'https://a.test/', {
        client: STAFF,
        sni: 'b.test',
        headers: { host: 'a.test' },
      }),
      ELSEWHERE,
    )
    assert.match(
      await requestHost(room, 'https://a.test/', { client: STAFF, sni: '', headers: { host: '127.0.0.1' } }),
      /421|alert 112/,
    )
  })

  test('by a second request of a connection, of either version of HTTP', async () => {
    await using room = await openClientHosts(files)
    const socket = await secure(room.door, 'open.test')
    socket.write(
      'GET / HTTP/1.1\r\nHost: open.test\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n',
    )
    const text = (await readAll(socket)).toString()
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 421'])

    const session = openHttp2(room.door, 'open.test')
    const statuses: unknown[] = []
    for (const host of ['open.test', 'a.test', 'open.test']) statuses.push(await requestHttp2(session, host))
    session.destroy()
    assert.deepEqual(statuses, [200, 421, 200])
  })

  test('by a connection from before its file, or another one, was there', async () => {
    await using room = await openClientHosts({})
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
    const before = await secure(room.door, 'a.test', { client: STAFF })
    before.write(request)
    await events.once(before, 'data')
    await room.put('a.test.ca.crt', CA.pem)
    before.write(request)
    assert.match((await readAll(before)).toString(), /^HTTP\/1\.1 421 .*\nConnection: close/is)
    const proven = await secure(room.door, 'a.test', { client: STAFF })
    proven.write(request)
    await events.once(proven, 'data')
    await room.put('a.test.crl.pem', makeRevocations(CA, [STAFF]))
    proven.write(request)
    // Or it was ended before its request.
    assert.match((await readAll(proven)).toString(), /^(?:HTTP\/1\.1 421 |$)/)
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), REFUSED)
  })

  test('by an idle connection that was judged by others: it is ended before it asks', async () => {
    await using room = await openClientHosts(files)
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'
    const idle = await secure(room.door, 'a.test', { client: STAFF })
    idle.write(request)
    await events.once(idle, 'data')
    const other = await secure(room.door, 'open.test')
    const session = openHttp2(room.door, 'a.test', STAFF)
    assert.equal(await requestHttp2(session, 'a.test'), 200)
    await room.put('a.test.crl.pem', makeRevocations(CA, []))
    await Promise.all([events.once(idle, 'end'), events.once(session, 'close')])
    assert.equal(other.readyState, 'open')
    other.destroy()
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), '200')
    assert.deepEqual(room.door.failures, [])
  })

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`by a session of another host, or of its own, resumed with ${maxVersion}`, async () => {
      await using room = await openClientHosts(files)
      for (const [from, to, client, expected] of [
        ['open.test', 'a.test', undefined, 'HTTP/1.1 400'],
        ['b.test', 'a.test', STRANGER, 'HTTP/1.1 400'],
        ['a.test', 'a.test', STAFF, 'HTTP/1.1 400'],
      ] as const) {
        const session = await captureSession(room.door, from, { maxVersion, ...(client && { client }) })
        const socket = await secure(room.door, to, { maxVersion, ...(session && { session }) })
        assert.equal(socket.isSessionReused(), false, `${from} to ${to}`)
        socket.write(`GET / HTTP/1.1\r\nHost: ${to}\r\nConnection: close\r\n\r\n`)
        assert.match((await readAll(socket)).toString(), new RegExp(`^${expected}`))
      }
      const open = await captureSession(room.door, 'open.test', { maxVersion })
      const resumed = await secure(room.door, 'open.test', { maxVersion, ...(open && { session: open }) })
      assert.equal(resumed.isSessionReused(), true, 'hosts that ask for none resume as ever')
      resumed.destroy()
    })
  }

  test('with a certificate that he says to have in a header', async () => {
    await using room = await openClientHosts(files, [{ host: 'a.test', clientCertificates: 'optional' }], {
      handler: { ...ECHO, mayUpgrade: () => false },
    })
    const claims = {
      ...{
        'X-SSL-Client-Verify': 'SUCCESS',
        'SSL-Client-Cert': 'x',
        'X-Client-Cert': 'x',
        'Client-Cert': 'x',
      },
      ...{ 'X-Forwarded-Client-Cert': 'x', 'X-ARR-ClientCert': 'x', 'X-Forwarded-Tls-Client-Cert': 'x' },
      ...{ x_user: 'alice', 'X-Ssl-Client-S-DN': 'CN=alice', 'X-Client-DN': 'CN=alice', 'X-Kept': 'yes' },
    }
    const reply = await requestDoor(room.door, 'https://a.test/', { headers: { ...claims, host: 'a.test' } })
    assert.ok(typeof reply !== 'string')
    assert.deepEqual(reply.seen, { host: 'a.test', connection: 'close', 'x-kept': 'yes' })
  })
})

/** Answers with the headers that a site sees. */
const ECHO: FrontDoorParts['handler'] = {
  serve({ headers }, response) {
    response.setHeader('content-type', 'application/json')
    ;(response as { end(text: string): unknown }).end(JSON.stringify(headers))
    return Promise.resolve()
  },
  observe: () => undefined,
  mayUpgrade: () => false,
  upgrade: () => Promise.resolve(),
}

function openHttp2(door: TestDoor, servername: string, client?: ClientPaper): ClientHttp2Session {
  return connectHttp2(`https://127.0.0.1:${door.httpsPort}`, {
    servername,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2'],
    ...(client && { cert: client.cert, key: client.key }),
  })
}

/** The status of an answer. */
async function requestHttp2(session: ClientHttp2Session, host: string): Promise<unknown> {
  const stream = session.request({ ':path': '/', ':authority': host })
  const [headers] = await events.once(stream, 'response')
  stream.resume()
  return headers[':status']
}

/** The session of a connection that could be resumed; undefined: none was offered. */
async function captureSession(
  door: TestDoor,
  servername: string,
  options: SecureOptions,
): Promise<Buffer | undefined> {
  const socket = dial(door, servername, options)
  let session: Buffer | undefined
  socket.on('session', (offered) => {
    session = offered
  })
  await events.once(socket, 'secureConnect')
  socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`)
  await readAll(socket)
  return session
}
