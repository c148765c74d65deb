import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { sendRaw } from '../../test/protocol/connection.ts'
import { connectTo } from '../../test/support/door/test-door.ts'
import {
  mustShakeHands,
  open,
  requestHttp2,
  requestOn,
  shakeHands,
} from '../../test/support/door/test-listener.ts'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'

const V1 = 'PROXY TCP4 203.0.113.7 10.0.0.1 56789 443\r\n'
const V2 = '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x0a\0\0\x01\xdd\xd5\x01\xbb'

for (const [version, header] of [
  ['1', V1],
  ['2', V2],
] as const) {
  test(`the listener believes a PROXY header of version ${version}, below HTTP/1.1, TLS and HTTP/2`, async () => {
    const expected = { remoteAddress: '203.0.113.7', remotePort: 56_789 }
    {
      await using door = await open({ isTls: false, proxyProtocol: 'required' })
      for (const step of [1, 7, 1_000]) {
        const socket = await connectTo(door.port)
        const bytes = Buffer.from(`${header}GET / HTTP/1.1\r\nHost: x\r\n`, 'latin1')
        for (let at = 0; at < bytes.length; at += step) {
          await new Promise((resolve) => socket.write(bytes.subarray(at, at + step), resolve))
        }
        const seen = await requestOn(socket, '')
        assert.deepEqual({ ...seen, ...expected }, seen)
        // The next request on the same connection.
        assert.equal((await requestOn(socket)).remoteAddress, '203.0.113.7')
        socket.destroy()
      }
    }
    await using door = await open({ proxyProtocol: 'required' })
    const raw = await connectTo(door.port)
    raw.write(header, 'latin1')
    const secure = await mustShakeHands({ socket: raw, servername: 'a.test' })
    const seen = await requestOn(secure)
    assert.deepEqual({ ...seen, ...expected }, seen)
    secure.destroy()
    const below = await connectTo(door.port)
    below.write(header, 'latin1')
    const session = connectHttp2('https://a.test', {
      createConnection: () =>
        connectTls({ socket: below, servername: 'a.test', ALPNProtocols: ['h2'], rejectUnauthorized: false }),
    })
    const answer = JSON.parse((await requestHttp2(session)).text)
    assert.deepEqual({ ...answer, ...expected }, answer)
    session.destroy()
  })
}

test('the listener takes PROXY headers from trusted addresses only', async () => {
  const ports = { isProxyTrusted: () => false }
  await using plain = await open({ isTls: false, proxyProtocol: 'optional', ports })
  for (const header of [V1, V2]) {
    const { text } = await sendRaw(
      `http://127.0.0.1:${plain.port}`,
      `${header}GET / HTTP/1.1\r\nHost: x\r\n\r\n`,
    )
    assert.match(text, /^HTTP\/1.1 400 /)
  }
  await using secure = await open({ proxyProtocol: 'optional', ports })
  const raw = await connectTo(secure.port)
  raw.write(V1)
  assert.equal(await shakeHands({ socket: raw, servername: 'a.test' }), 'closed')
})

test('the listener does without a PROXY header, unless one is required', async () => {
  await using optional = await open({ isTls: false, proxyProtocol: 'optional' })
  const socket = await connectTo(optional.port)
  assert.equal((await requestOn(socket)).remoteAddress, '127.0.0.1')
  socket.destroy()
  await using required = await open({ isTls: false, proxyProtocol: 'required' })
  const url = `http://127.0.0.1:${required.port}`
  assert.deepEqual(await sendRaw(url, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'), { text: '', isClosed: true })
  assert.deepEqual(await sendRaw(url, 'PROXY TCP4 x\r\n'), { text: '', isClosed: true })
})

test('the listener listens on a Unix socket, over a stale one too, but not over one in use', async () => {
  await using folder = await makeTempFolder('door')
  const path = join(folder.path, 'door.sock')
  for (let round = 0; round < 2; round++) {
    await using door = await open({ isTls: false, proxyProtocol: 'optional' }, { path })
    assert.equal(door.url, `unix:${path}`)
    const socket = connect({ path })
    const seen = await requestOn(socket)
    assert.equal(seen.remoteAddress, 'unix:')
    socket.destroy()
    const behind = connect({ path })
    behind.write(V1)
    assert.equal((await requestOn(behind)).remoteAddress, '203.0.113.7')
    behind.destroy()
    await assert.rejects(open({ isTls: false }, { path }), { code: 'EADDRINUSE' })
  }
  // As a killed process leaves it.
  await leaveStaleSocket(path)
  await using door = await open({ isTls: false }, { path })
  const socket = connect({ path })
  assert.equal((await requestOn(socket)).remoteAddress, 'unix:')
  assert.equal(door.port, 0)
  socket.destroy()
})

test('the listener leaves alone what stands at the path of its Unix socket and is no socket', async () => {
  await using folder = await makeTempFolder('door')
  const at = (name: string): string => join(folder.path, name)
  const [file, link, dir] = [at('file'), at('link'), at('dir')]
  await writeFile(file, 'precious')
  await symlink(file, link)
  await mkdir(dir)
  for (const path of [file, link, dir]) {
    await assert.rejects(open({ isTls: false }, { path }), { code: 'ENOTSOCK' })
  }
  assert.equal(await readFile(link, 'utf8'), 'precious')
  assert.deepEqual((await readdir(folder.path)).sort(), ['dir', 'file', 'link'])
  await assert.rejects(open({ isTls: false }, { path: at('missing/door.sock') }), { code: 'ENOENT' })
})

async function leaveStaleSocket(path: string): Promise<void> {
  const { execFile } = await import('node:child_process')
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`
  await new Promise((resolve) => execFile(process.execPath, ['-e', script], resolve))
}

test('the listener takes IPv4 and IPv6 at `*`', async () => {
  await using door = await open({ isTls: false }, { host: '*', port: 0 })
  const socket = await connectTo(door.port)
  assert.equal((await requestOn(socket)).remoteAddress, '127.0.0.1')
  socket.destroy()
})
