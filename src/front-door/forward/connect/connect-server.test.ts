import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { startScriptedUpstream } from '../../../../test/support/door/proxy-room.ts'
import { startDeaf } from '../../../../test/support/machine/start-deaf.ts'
import { makeAlpnCertificate } from '../../../certificates/x509/write/alpn-certificate.ts'
import { toReason } from '../send/upstream-failure.ts'
import { ConnectFailed, connectServer } from './connect-server.ts'

const VERIFIED = { verify: true, serverName: undefined, verifiedName: 'app.test' }
const UNVERIFIED = { ...VERIFIED, verify: false }

function attempt(port: number, tls: typeof VERIFIED | undefined, host = '127.0.0.1', timeoutMs = 300) {
  return new Promise<Socket | ConnectFailed>((resolve) => {
    connectServer({ host, port, tls, timeoutMs }, resolve)
  })
}

async function attemptFailure(...args: Parameters<typeof attempt>): Promise<[string, string]> {
  const result = await attempt(...args)
  assert.ok(result instanceof ConnectFailed)
  assert.equal(toReason(result), result.reason)
  return [result.reason, result.message]
}

async function startTls(options: object) {
  const { certificatePem: cert, keyPem: key } = makeAlpnCertificate('other.test', 'other.test', Date.now())
  const server = createTlsServer({ cert, key, ...options }, (socket) => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

/** Sends a text as soon as it receives something, and ends. */
async function startTalker(words: string) {
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(words)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

test('`connectServer()` says that nobody takes connections at an address, and of each of them', async () => {
  assert.deepEqual(await attemptFailure(1, undefined), ['unreachable', 'connect ECONNREFUSED 127.0.0.1:1'])
  const [reason, message] = await attemptFailure(1, undefined, 'localhost')
  assert.equal(reason, 'unreachable')
  assert.match(message, /ECONNREFUSED/)
  assert.equal((await attemptFailure(1, undefined, 'no-such-host.invalid', 5_000))[0], 'unreachable')
})

test('`connectServer()` waits for a connection, and for a handshake, as long as it may', async () => {
  await using deaf = await startDeaf()
  assert.deepEqual(await attemptFailure(deaf.port, undefined), ['connect-timeout', 'No connection in time'])
  await using silent = await startScriptedUpstream(() => {})
  assert.deepEqual(await attemptFailure(silent.port, UNVERIFIED), [
    'connect-timeout',
    'No connection in time',
  ])
})

test('`connectServer()` says what is wrong with the TLS of a server, whatever it is', async () => {
  await using app = await startTls({})
  const [selfSigned, words] = await attemptFailure(app.port, VERIFIED)
  assert.equal(selfSigned, 'tls')
  assert.match(words, /critical extension/)
  await using old = await startTls({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL@SECLEVEL=0' })
  const [version, text] = await attemptFailure(old.port, UNVERIFIED)
  assert.equal(version, 'tls')
  assert.match(text, /version|alert/i)
  await using talker = await startTalker('HTTP/1.1 400 Bad Request\r\n\r\n')
  assert.deepEqual(await attemptFailure(talker.port, UNVERIFIED), ['tls', 'wrong version number'])
  await using cutter = await startTalker('')
  assert.equal((await attemptFailure(cutter.port, UNVERIFIED))[0], 'tls')
})

test('an error of a connection that was there never says that nothing was sent', () => {
  for (const code of ['ETIMEDOUT', 'EHOSTUNREACH', 'ECONNREFUSED', 'EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER'])
    assert.equal(toReason(Object.assign(new Error('read'), { code })), 'no-answer')
})
