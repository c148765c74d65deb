import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { describe, it } from 'node:test'
import { createServer, type TlsOptions } from 'node:tls'
import { makeMail } from '../../../test/support/certificates/paper-ca.ts'
import { inspectHost } from './inspect-host.ts'

const HOST = 'www.example.com'
const { upper, lower, leaf } = makeMail([HOST])
const prints = [leaf, lower, upper].map(({ certificate }) => certificate.fingerprint256)

async function serve(options: TlsOptions) {
  const server = createServer({ key: leaf.keyPem, ...options }, (socket) => socket.end()).listen(
    0,
    '127.0.0.1',
  )
  server.on('tlsClientError', () => {})
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    address: { host: HOST, port, connectTo: '127.0.0.1' },
    [Symbol.dispose]: () => void server.close(),
  }
}

describe('`inspectHost()`', () => {
  it('tells the chain in the order in which it is served, also a wrong one', async () => {
    for (const order of [
      [leaf, lower, upper],
      [leaf, upper, lower],
      [leaf, upper],
    ]) {
      using server = await serve({ cert: order.map(({ pem }) => pem).join('') })
      const { certificates, isOrderKnown, protocol, oldProtocols } = await inspectHost(server.address)
      assert.deepEqual(
        certificates.map(({ fingerprint256 }) => fingerprint256),
        order.map(({ certificate }) => certificate.fingerprint256),
      )
      assert.deepEqual([isOrderKnown, protocol, oldProtocols], [true, 'TLSv1.3', []])
    }
  })

  it('tells the chain of a host that speaks TLS 1.3 only, which encrypts it', async () => {
    using server = await serve({ cert: `${leaf.pem}${lower.pem}${upper.pem}`, minVersion: 'TLSv1.3' })
    const { certificates, isOrderKnown } = await inspectHost(server.address)
    assert.equal(isOrderKnown, false)
    assert.deepEqual(
      certificates.map(({ fingerprint256 }) => fingerprint256),
      prints,
    )
  })

  it('tells versions of TLS that are too old', async () => {
    using server = await serve({ cert: leaf.pem, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' })
    assert.deepEqual((await inspectHost(server.address)).oldProtocols, ['TLSv1.0', 'TLSv1.1'])
  })

  it('says that the server refuses the name', async () => {
    using server = await serve({ SNICallback: (_name, done) => done(new Error('not here')) })
    await assert.rejects(inspectHost(server.address), { code: 'CERTIFICATE_HOST_UNREACHABLE' })
  })

  it('says that nobody answers, or somebody who does not speak TLS', async () => {
    const server = createTcpServer((socket) => {
      // A socket whose bytes are never read never closes.
      socket
        .on('error', () => {})
        .resume()
        .end('220 mail.example.com ESMTP\r\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const address = { host: HOST, port, connectTo: '127.0.0.1' }
    await assert.rejects(inspectHost(address), { code: 'CERTIFICATE_HOST_UNREACHABLE' })
    server.close()
    await once(server, 'close')
    await assert.rejects(inspectHost(address), {
      code: 'CERTIFICATE_HOST_UNREACHABLE',
      message: /ECONNREFUSED/,
    })
  })
})
