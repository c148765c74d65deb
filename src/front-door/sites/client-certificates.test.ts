import assert from 'node:assert/strict'
import events from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, test } from 'node:test'
import { makeRevocations } from '../../../test/support/certificates/client-papers.ts'
import { makePaper } from '../../../test/support/certificates/paper-ca.ts'
import {
  CA,
  CLOSED,
  dial,
  EXPIRED,
  MISSING,
  OTHER_CA,
  openClientHosts,
  REFUSED,
  REVOKED,
  requestHost,
  STAFF,
  STRANGER,
} from '../../../test/support/door/client-hosts.ts'
import type { TestDoor } from '../../../test/support/door/test-door.ts'

describe('a host with a file of CAs', () => {
  const lists = { 'a.test.ca.crt': CA.pem, 'a.test.crl.pem': makeRevocations(CA, [REVOKED]) }
  for (const [mode, client, expected] of [
    [undefined, undefined, MISSING],
    [undefined, STAFF, '200'],
    [undefined, REVOKED, REFUSED],
    [undefined, EXPIRED, REFUSED],
    [undefined, STRANGER, REFUSED],
    ['on', undefined, MISSING],
    ['on', STAFF, '200'],
    ['optional', undefined, '200'],
    ['optional', STAFF, '200'],
    ['optional', STRANGER, REFUSED],
    ['optional', REVOKED, REFUSED],
    ['optional_no_ca', undefined, '200'],
    ['optional_no_ca', STRANGER, '200'],
    ['optional_no_ca', REVOKED, REFUSED],
    ['off', undefined, '200'],
    ['off', STRANGER, '200'],
  ] as const) {
    const who = Object.entries({ STAFF, REVOKED, EXPIRED, STRANGER }).find(([, each]) => each === client)?.[0]
    test(`with ${mode ?? 'no mode'} answers ${who ?? 'nobody'} with ${expected}`, async () => {
      await using room = await openClientHosts(lists, [{ host: 'a.test', clientCertificates: mode }])
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        assert.equal(
          await requestHost(room, 'https://a.test/', { ...(client && { client }), maxVersion }),
          expected,
        )
      }
      assert.deepEqual(room.door.failures, [])
    })
  }

  test('asks for the certificate of its CAs, and no other host does', async () => {
    await using room = await openClientHosts({ 'a.test.ca.crt': CA.pem })
    assert.equal(await requestHost(room, 'https://a.test/'), MISSING)
    assert.equal(await requestHost(room, 'https://b.test/'), '200')
    assert.match(await captureHandshake(room.door, 'a.test'), /Staff CA/)
    assert.doesNotMatch(await captureHandshake(room.door, 'b.test'), /Staff CA/)
  })

  test('has its own instead of the global one, with the list that is for it', async () => {
    await using room = await openClientHosts({
      'ca.crt': OTHER_CA.pem,
      'ca.crl.pem': makeRevocations(OTHER_CA, []),
      'a.test.ca.crt': CA.pem,
    })
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), '200')
    assert.equal(await requestHost(room, 'https://a.test/', { client: STRANGER }), REFUSED)
    assert.equal(await requestHost(room, 'https://b.test/', { client: STRANGER }), '200')
    assert.equal(await requestHost(room, 'https://b.test/', { client: STAFF }), REFUSED)
    await room.put('ca.crl.pem', makeRevocations(OTHER_CA, []) + makeRevocations(CA, [STAFF]))
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), REFUSED)
  })

  test('is closed alone while a file cannot be used, and open again with the next one', async () => {
    const list = makeRevocations(CA, [])
    await using room = await openClientHosts({
      'a.test.ca.crt': CA.pem,
      'a.test.crl.pem': list,
      'b.test.ca.crt': CA.pem,
    })
    for (const [name, broken, good] of [
      ['a.test.ca.crt', 'nonsense', CA.pem],
      ['a.test.ca.crt', CA.pem.slice(0, -40), CA.pem],
      ['a.test.ca.crt', CA.keyPem, CA.pem],
      ['a.test.ca.crt', makePaper('Old CA', { days: [-9, -1] }).pem, CA.pem],
      ['a.test.ca.crt', OTHER_CA.pem, CA.pem],
      ['a.test.crl.pem', '', list],
      ['a.test.crl.pem', list.slice(0, 90), list],
      ['a.test.crl.pem', makeRevocations(CA, [], { days: -1 }), list],
      ['a.test.crl.pem', makeRevocations(OTHER_CA, []), list],
    ] as const) {
      await room.put(name, broken)
      assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), CLOSED)
      assert.equal(await requestHost(room, 'https://b.test/', { client: STAFF }), '200')
      await room.put(name, good)
      assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), '200')
    }
    assert.deepEqual(room.door.failures, [])
  })

  test('is not open for the moment in which its file is replaced', async () => {
    await using room = await openClientHosts({ 'a.test.ca.crt': CA.pem })
    await room.put('a.test.ca.crt', undefined)
    assert.equal(await requestHost(room, 'https://a.test/'), MISSING)
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), '200')
    await room.put('a.test.ca.crt', OTHER_CA.pem)
    assert.equal(await requestHost(room, 'https://a.test/', { client: STAFF }), REFUSED)
    assert.equal(await requestHost(room, 'https://a.test/', { client: STRANGER }), '200')
  })

  test('is closed where it must be shown and there is no CA, or no TLS', async () => {
    await using bare = await openClientHosts({}, [{ host: 'a.test', clientCertificates: 'on' }])
    assert.equal(await requestHost(bare, 'https://a.test/', { client: STAFF }), CLOSED)
    assert.equal(await requestHost(bare, 'http://a.test/'), CLOSED)
    await using plain = await openClientHosts({ 'ca.crt': CA.pem }, [
      { host: 'a.test', httpsMethod: 'nohttps' },
    ])
    assert.equal(await requestHost(plain, 'http://a.test/'), CLOSED)
  })

  test('serves nobody over plain HTTP, not even for a proxy that did TLS', async () => {
    const sites = [{ host: 'a.test', httpsMethod: 'noredirect' }, { host: 'bare.example' }] as const
    await using room = await openClientHosts({ 'ca.crt': CA.pem }, sites, { trustedProxies: ['127.0.0.0/8'] })
    assert.equal(await requestHost(room, 'http://a.test/'), '301')
    assert.equal(
      await requestHost(room, 'http://a.test/', { headers: { 'x-forwarded-proto': 'https' } }),
      MISSING,
    )
    assert.equal(await requestHost(room, 'http://bare.example/'), CLOSED)
  })

  test('tells the operator why a certificate is not taken', async () => {
    const refusals: unknown[] = []
    await using room = await openClientHosts({ 'ca.crt': CA.pem }, undefined, {
      onClientRefused: (refused) => refusals.push(refused),
    })
    await requestHost(room, 'https://a.test/', { client: EXPIRED })
    assert.deepEqual(refusals, [{ host: 'a.test', remoteAddress: '127.0.0.1', reason: 'CERT_HAS_EXPIRED' }])
  })
})

/**
 * The server's unencrypted part of a handshake with TLS 1.2: it holds the names of the CAs of its certificate request.
 */
async function captureHandshake(door: TestDoor, servername: string): Promise<string> {
  const heard: Buffer[] = []
  const recorder = createServer((from) => {
    const to = connect(door.httpsPort, '127.0.0.1')
    to.on('data', (bytes: Buffer) => heard.push(bytes))
    from.pipe(to).pipe(from)
  })
  recorder.listen(0, '127.0.0.1')
  await events.once(recorder, 'listening')
  const { port } = recorder.address() as AddressInfo
  const socket = dial({ ...door, httpsPort: port }, servername, { maxVersion: 'TLSv1.2' })
  await events.once(socket, 'secureConnect')
  socket.destroy()
  recorder.close()
  return Buffer.concat(heard).toString('latin1')
}
