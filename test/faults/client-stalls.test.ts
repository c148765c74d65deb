import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashContent } from '../../src/oci/digest.ts'
import { RegistryUnderTest } from '../protocol/registry-under-test.ts'

/** The server's longest gaps, in seconds, and what a busy machine may add to them. */
const GAPS = { headers: 20, smallBody: 30, upload: 60, reading: 60, discard: 10 }
const SLACK_S = 15
const UPLOADS = '/v2/alice/app/blobs/uploads/'

/** Bytes that came on a connection until the server ended it, and the seconds that took. */
interface End {
  readonly text: string
  readonly seconds: number
}

describe('clients that stall, with the real clock', { concurrency: true, timeout: 170_000 }, () => {
  let registry: RegistryUnderTest
  before(async () => {
    registry = await RegistryUnderTest.start()
  })
  after(() => registry[Symbol.asyncDispose]())

  function open(target: string, length: number): Socket {
    const { hostname, port } = new URL(registry.url)
    const socket = connect({ host: hostname, port: Number(port) })
    const authorization = `Authorization: ${registry.basic('alice')}`
    socket.write(`${target} HTTP/1.1\r\nHost: x\r\n${authorization}\r\nContent-Length: ${length}\r\n\r\n`)
    return socket
  }

  async function awaitEnd(socket: Socket): Promise<End> {
    const startedAt = performance.now()
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => socket.destroy())
    await once(socket, 'close')
    return { text: String(Buffer.concat(chunks)), seconds: (performance.now() - startedAt) / 1000 }
  }

  function assertStalled({ text, seconds }: End, gap: number): void {
    assert.match(text, /^HTTP\/1\.1 408 /)
    assert.match(text, /"code":"REQUEST_TIMEOUT"/)
    assert.ok(seconds >= gap - 1 && seconds <= gap + GAPS.discard + SLACK_S, `${seconds} s`)
  }

  const newSession = async (): Promise<string> =>
    String((await registry.send('alice', 'POST', UPLOADS)).headers.location)

  it('keeps what an upload got, tells the client, and takes the rest', async () => {
    const session = await newSession()
    const socket = open(`PATCH ${session}`, 100)
    socket.write('abc')
    assertStalled(await awaitEnd(socket), GAPS.upload)
    const status = await registry.send('alice', 'GET', session)
    assert.deepEqual([status.status, status.headers.range], [204, '0-2'])
    const end = `${session}?digest=${hashContent('abcdef')}`
    assert.equal((await registry.send('alice', 'PUT', end, { body: 'def' })).status, 201)
  })

  it('keeps nothing of a whole blob', async () => {
    const socket = open(`POST ${UPLOADS}?digest=${hashContent('abcd')}`, 4)
    socket.write('abc')
    assertStalled(await awaitEnd(socket), GAPS.upload)
    const { status } = await registry.send('alice', 'GET', `/v2/alice/app/blobs/${hashContent('abcd')}`)
    assert.equal(status, 404)
  })

  it('ends a manifest and a form', async () => {
    const sockets = ['PUT /v2/alice/app/manifests/v1', 'POST /token'].map((target) => {
      const socket = open(target, 100)
      socket.write('{')
      return socket
    })
    for (const end of await Promise.all(sockets.map(awaitEnd))) assertStalled(end, GAPS.smallBody)
  })

  it('takes an upload that is slow for longer than any gap, but never silent', async () => {
    const session = await newSession()
    const body = randomBytes(16)
    const socket = open(`PATCH ${session}`, body.length)
    const answered = once(socket, 'data')
    for (const byte of body) {
      socket.write(Buffer.of(byte))
      await sleep(5_000)
    }
    assert.match(String((await answered)[0]), /^HTTP\/1\.1 202 /)
    socket.destroy()
    const end = await registry.send('alice', 'PUT', `${session}?digest=${hashContent(body)}`)
    assert.equal(end.status, 201, end.text)
  })

  it('lets go of a client that reads nothing', { timeout: 170_000 }, async () => {
    const digest = await registry.pushBlob('alice', 'alice/app', randomBytes(32 * 1024 * 1024))
    const socket = open(`GET /v2/alice/app/blobs/${digest}`, 0)
    await once(socket, 'readable')
    const startedAt = performance.now()
    const log = () => registry.findAccessLine(`/v2/alice/app/blobs/${digest}`, 'GET')
    while (log() === undefined) await sleep(500)
    const seconds = (performance.now() - startedAt) / 1000
    socket.destroy()
    // Bytes that the system took meanwhile count as progress once.
    assert.ok(seconds >= GAPS.reading - 5 && seconds <= 2 * GAPS.reading + SLACK_S, `${seconds} s`)
    assert.equal(log()?.error, 'CLIENT_GONE')
  })

  it('ends a head that does not come', async () => {
    const { hostname, port } = new URL(registry.url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\nA: ')
    const { text, seconds } = await awaitEnd(socket)
    assert.match(text, /^HTTP\/1\.1 408 /)
    assert.ok(seconds <= GAPS.headers + SLACK_S, `${seconds} s`)
  })
})
