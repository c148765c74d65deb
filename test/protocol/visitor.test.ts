import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import type { Reply } from './connection.ts'
import { RegistryUnderTest } from './registry-under-test.ts'

const HOST = 'registry.test'
/** The tests' own address, and a network of proxies before it. */
const TRUSTED = '127.0.0.1,10.0.0.0/8,2001:db8:1::/48'
/** Failures of one address that cost nothing but their check. */
const FREE_FAILURES = 100
/** Guesses at once: the server checks two and lets 32 wait. */
const AT_ONCE = 20

/** Headers of the nearest proxy -> the visitor, if the proxy is trusted. */
const ROWS: readonly (readonly [headers: Record<string, string>, visitor: string])[] = [
  [{}, '127.0.0.1'],
  [{ 'x-forwarded-for': '203.0.113.9' }, '203.0.113.9'],
  [{ 'x-forwarded-for': '203.0.113.9, 10.0.0.2' }, '203.0.113.9'],
  [{ 'x-forwarded-for': '192.0.2.66, 203.0.113.9, 10.0.0.2, 10.0.0.3' }, '203.0.113.9'],
  [{ 'x-forwarded-for': '10.0.0.3,10.0.0.2' }, '10.0.0.3'],
  [{ 'x-forwarded-for': '203.0.113.9:4711' }, '203.0.113.9'],
  [{ 'x-forwarded-for': '::ffff:203.0.113.9, 10.0.0.2' }, '203.0.113.9'],
  [{ 'x-forwarded-for': '[2001:DB8::7]:4711, 2001:db8:1::2' }, '2001:db8::7'],
  [{ 'x-forwarded-for': '203.0.113.9, unknown' }, '127.0.0.1'],
  [{ 'x-forwarded-for': '203.0.113.9, nonsense, 10.0.0.2' }, '10.0.0.2'],
  [{ 'x-forwarded-for': '203.0.113.9, 10.0.0.2,' }, '127.0.0.1'],
  [{ 'x-forwarded-for': '203.0.113.999' }, '127.0.0.1'],
  [{ forwarded: 'for=203.0.113.9, for=10.0.0.2' }, '203.0.113.9'],
  [{ forwarded: 'for=192.0.2.66, for="[2001:DB8::7]:4711";proto=https, for=10.0.0.2' }, '2001:db8::7'],
  [{ forwarded: 'for=203.0.113.9, for=_hidden, for=10.0.0.2' }, '10.0.0.2'],
  [{ 'x-forwarded-for': '203.0.113.9', forwarded: 'for=192.0.2.66' }, '203.0.113.9'],
]

interface Room extends AsyncDisposable {
  readonly registry: RegistryUnderTest
  /** True: the registry is behind the front door. */
  readonly hasDoor: boolean
}

/** The registry alone, or with a domain and a vhost file that shows the visitor whom the door sees. */
async function open(hasDoor: boolean, flags: Readonly<Record<string, string>>): Promise<Room> {
  await using resources = new AsyncDisposableStack()
  const own = hasDoor ? await doorFlags(resources.use(await makeTempFolder('visitor'))) : {}
  const registry = resources.use(await RegistryUnderTest.start({ ...own, ...flags }))
  const kept = resources.move()
  return { registry, hasDoor, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function doorFlags({ path }: TempFolder): Promise<Record<string, string>> {
  const vhosts = join(path, 'vhost.d')
  await mkdir(vhosts)
  await writeFile(join(vhosts, HOST), 'add_header X-Seen $remote_addr always;\n')
  return { domain: HOST, 'listen-https': '127.0.0.1:0', 'vhost-dir': vhosts }
}

/** Headers by which a proxy that did TLS passes a request on: with a domain, plain HTTP is redirected without. */
function proxied(headers: Record<string, string>): Record<string, string> {
  const { forwarded } = headers
  const isStandard = forwarded !== undefined && headers['x-forwarded-for'] === undefined
  // One of the older headers beside it would make it count for nothing.
  return isStandard
    ? { host: HOST, forwarded: `${forwarded};proto=https` }
    : { host: HOST, 'x-forwarded-proto': 'https', ...headers }
}

/** The address in the access line of a request. */
async function logged({ registry }: Room, path: string): Promise<unknown> {
  // The line comes once the answer is over, which its client may see first.
  for (let look = 0; look < 400; look++) {
    const line = registry.findAccessLine(path, 'GET')
    if (line) return line.remote
    await sleep(5)
  }
  return assert.fail(`no line of ${path}`)
}

for (const hasDoor of [false, true]) {
  describe(hasDoor ? 'behind the front door' : 'alone', () => {
    test('door, registry and log see one visitor behind trusted proxies', async () => {
      await using room = await open(hasDoor, { 'trusted-proxies': TRUSTED })
      for (const [index, [given, visitor]] of ROWS.entries()) {
        const headers = proxied(given)
        const path = `/v2/visitor/row${index}/tags/list`
        const reply = await room.registry.send(undefined, 'GET', path, { headers })
        assert.equal(reply.status, 401, JSON.stringify(given))
        assert.equal(await logged(room, path), visitor, JSON.stringify(given))
        if (hasDoor) assert.equal(reply.headers['x-seen'], visitor, JSON.stringify(given))
      }
    })

    test('the throttle counts the visitor, and no proxy on the way', async () => {
      await using room = await open(hasDoor, { 'trusted-proxies': TRUSTED })
      const { registry } = room
      const from = (address: string, authorization: string): Promise<Reply> => {
        const headers = { ...proxied({ 'x-forwarded-for': `${address}, 10.0.0.2` }), authorization }
        return registry.send(undefined, 'GET', '/v2/', { headers })
      }
      const guess = (at: number): Promise<Reply> =>
        from('203.0.113.9', basicLogin(`guessed${at}`, 'a wrong password'))
      const guessAll = (begin: number): Promise<Reply[]> =>
        Promise.all(Array.from({ length: AT_ONCE }, (_, index) => guess(begin + index)))
      for (let at = 0; at < FREE_FAILURES; at += AT_ONCE) await guessAll(at)
      const more = await guessAll(FREE_FAILURES)
      assert.ok(more.some(({ status }) => status === 429))
      assert.equal((await from('203.0.113.10', registry.basic('alice'))).status, 200)
    })

    test('nobody believes a proxy that is not trusted', async () => {
      await using room = await open(hasDoor, { 'trusted-proxies': '192.0.2.1' })
      // The door redirects what did not come over TLS, but for health checks, which the registry answers.
      const headers = { host: '127.0.0.1', 'x-forwarded-for': '203.0.113.9' }
      await room.registry.send(undefined, 'GET', '/livez', { headers })
      assert.equal(await logged(room, '/livez'), '127.0.0.1')
    })
  })
}

test('a PROXY header names the visitor for door, registry and log', async () => {
  await using room = await open(true, {
    'trusted-proxies': '10.0.0.0/8',
    'proxy-protocol-from': '127.0.0.1',
  })
  for (const [index, [source, forwardedFor, visitor]] of [
    ['TCP4 10.0.0.7 127.0.0.1 4711 80', '203.0.113.9, 10.0.0.2', '203.0.113.9'],
    ['TCP4 10.0.0.7 127.0.0.1 4711 80', 'nonsense', '10.0.0.7'],
  ].entries()) {
    const { hostname, port } = new URL(room.registry.url)
    const socket = connect(Number(port), hostname)
    const path = `/v2/visitor/proxied${index}/tags/list`
    const head = `Host: ${HOST}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: ${forwardedFor}\r\nConnection: close\r\n\r\n`
    socket.end(`PROXY ${source}\r\nGET ${path} HTTP/1.1\r\n${head}`)
    let text = ''
    socket.on('data', (chunk) => {
      text += String(chunk)
    })
    await once(socket, 'close')
    assert.match(text, new RegExp(`\r\nx-seen: ${visitor}\r\n`, 'i'))
    assert.equal(await logged(room, path), visitor)
  }
})
