import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { connectTo, createCertificates, makeTable, openTestDoor } from '../support/door/test-door.ts'
import { MODERN, OLD, open, requestOn } from '../support/door/test-listener.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

async function openssl(port: number, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await runCommand(part('openssl'), [
    's_client',
    '-connect',
    `127.0.0.1:${port}`,
    ...args,
  ])
  return stdout + stderr
}

describe('the listener, to OpenSSL', { skip: skipReason('openssl') }, () => {
  const rows: readonly (readonly [what: string, args: readonly string[], expected: RegExp])[] = [
    ['a site by HTTP/2', ['-servername', 'a.test', '-alpn', 'h2,http/1.1'], /ALPN protocol: h2/],
    ['its certificate', ['-servername', 'b.test'], /TLSv1\.3, Cipher is TLS_AES_128_GCM_SHA256/],
    ['TLS 1.2', ['-servername', 'a.test', '-tls1_2'], /TLSv1\.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256/],
    [
      'no old cipher',
      ['-servername', 'a.test', '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA'],
      /alert number 40/,
    ],
    ['Modern: TLS 1.3 only', ['-servername', MODERN, '-tls1_2'], /alert number 70/],
    [
      'Old: old ciphers',
      ['-servername', OLD, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA'],
      /Cipher is ECDHE-ECDSA-AES128-SHA/,
    ],
    ['an unknown name', ['-servername', 'unknown.test'], /unrecognized name|alert number 112/],
    ['no name', ['-noservername'], /unrecognized name|alert number 112/],
    [
      'the group of later',
      ['-servername', 'a.test', '-groups', 'X25519'],
      /Server Temp Key: X25519|Peer Temp Key: X25519/,
    ],
  ]
  for (const [what, args, expected] of rows) {
    test(`shows ${what}`, async () => {
      await using door = await open()
      assert.match(await openssl(door.port, ...args), expected)
    })
  }

  test('does not let a client renegotiate', async () => {
    await using door = await open()
    const { stdout, stderr } = await runCommand(
      part('openssl'),
      [
        's_client',
        '-connect',
        `127.0.0.1:${door.port}`,
        '-servername',
        'a.test',
        '-tls1_2',
        '-legacy_renegotiation',
      ],
      { input: 'R\n' },
    )
    assert.match(stdout + stderr, /no renegotiation|alert number 100|unexpected eof/i)
  })
})

describe('the front door, to curl', { skip: skipReason('curl') }, () => {
  const sites = makeTable({ host: 'a.test' }, { host: 'r.test', source: { kind: 'registry' } })
  const certificates = createCertificates({ 'a.test': 'a.test', 'r.test': 'r.test' })
  const curl = (port: number, url: string, ...args: readonly string[]) =>
    runCommand(part('curl'), [
      '-skv',
      '--noproxy',
      '*',
      '--max-time',
      '10',
      '--connect-to',
      `::127.0.0.1:${port}`,
      ...args,
      url,
    ])

  test('speaks HTTP/2 for sites and HTTP/1.1 for the registry', async () => {
    await using door = await openTestDoor(sites, { certificates })
    assert.match((await curl(door.httpsPort, 'https://a.test/')).stdout, /"http":"2.0"/)
    assert.match((await curl(door.httpsPort, 'https://a.test/', '--http1.1')).stdout, /"http":"1.1"/)
    assert.match((await curl(door.httpsPort, 'https://r.test/')).stdout, /"http":"1.1"/)
  })

  test('reads the PROXY header of a trusted address, and refuses that of another', async () => {
    const proxyProtocol = 'required'
    const parts = { certificates, proxyProtocol, proxyProtocolFrom: ['127.0.0.1'] } as const
    await using door = await openTestDoor(sites, parts)
    const { stdout } = await curl(door.httpsPort, 'https://a.test/', '--haproxy-protocol')
    assert.match(stdout, /"remoteAddress":"127.0.0.1"/)
    assert.notEqual((await curl(door.httpsPort, 'https://a.test/')).code, 0)
    await using strict = await openTestDoor(sites, { ...parts, proxyProtocolFrom: ['192.0.2.1'] })
    assert.notEqual((await curl(strict.httpsPort, 'https://a.test/', '--haproxy-protocol')).code, 0)
    assert.equal((await curl(strict.httpsPort, 'https://a.test/')).code, 0)
  })

  test('redirects, and tells HTTP from HTTPS', async () => {
    await using door = await openTestDoor(sites, { certificates })
    const redirected = await curl(door.httpPort, 'http://a.test/x?y')
    assert.match(redirected.stderr, /< HTTP\/1\.1 301 .*< location: https:\/\/a\.test\/x\?y/s)
    assert.match((await curl(door.httpsPort, 'http://a.test/')).stdout, /speaks HTTPS only/)
  })

  test('serves a Unix socket', async () => {
    await using folder = await makeTempFolder('listeners')
    const path = join(folder.path, 'door.sock')
    await using door = await open({ isTls: false }, { path })
    assert.equal(door.url, `unix:${path}`)
    const { stdout } = await runCommand(part('curl'), ['-s', '--unix-socket', path, 'http://x/'])
    assert.match(stdout, /"remoteAddress":"unix:"/)
  })
})

/** Connections that send a part of a request, and nothing more. */
async function openMany(port: number, count: number, bytes: string): Promise<Socket[]> {
  const sockets: Socket[] = []
  // Not more at once than the system's queue holds.
  while (sockets.length < count) {
    const some = await Promise.all(Array.from({ length: 100 }, () => connectTo(port)))
    for (const socket of some) socket.resume().write(bytes, 'latin1')
    sockets.push(...some)
  }
  return sockets
}

for (const [isTls, bytes] of [
  [true, '\x16\x03\x01\x02\x00\x01\x00'],
  [false, 'GET / HTTP/1.1\r\nHost: '],
] as const) {
  const what = isTls ? 'half a hello' : 'half a head'
  test(`5,000 connections with ${what} are ended in time, and others served meanwhile`, async () => {
    const limits = { isTls, maxPerAddress: 0, handshakeTimeoutMs: 3_000, headersTimeoutMs: 3_000 }
    await using door = await open(limits)
    const before = process.memoryUsage().rss
    const sockets = await openMany(door.port, 5_000, bytes)
    const closed = sockets.map((socket) => socket.closed || once(socket, 'close'))
    await using other = await open({ ...limits, isTls: false })
    const client = await connectTo(isTls ? other.port : door.port)
    assert.equal((await requestOn(client)).remoteAddress, '127.0.0.1')
    // An answer does not wait for the end of the other connections.
    assert.ok(sockets.some((socket) => !socket.closed))
    client.destroy()
    await Promise.all(closed)
    // Both ends of each connection are in this process.
    const grownMb = (process.memoryUsage().rss - before) / 1e6
    assert.ok(grownMb < 400, `${grownMb} MB`)
  })

  test(`of 2,000 connections of one address with ${what} no more are kept than it may have`, async () => {
    await using door = await open({ isTls, maxPerAddress: 500 })
    const sockets = await openMany(door.port, 2_000, bytes)
    const refused = { count: 0, enough: Promise.withResolvers<void>() }
    for (const socket of sockets) {
      const count = (): void => {
        if (++refused.count === 1_500) refused.enough.resolve()
      }
      if (socket.closed) count()
      else socket.once('close', count)
    }
    await refused.enough.promise
    assert.equal(sockets.filter((socket) => !socket.closed).length, 500)
    for (const socket of sockets) socket.destroy()
  })
}
