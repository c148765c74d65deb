import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashSha256, openSession, pushBlob, readOffset } from '../support/requests/push-content.ts'
import type { RawClient } from '../support/requests/raw-request.ts'
import { type RaceServer, startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/uploads'
/** A body during which its session moves several times, in bytes. */
const LONG_BYTES = 300_000_000
/** Longest wait for such a move, in ms. */
const MOVE_MS = 30_000
/** Longest wait for the server to notice that a client has gone, in ms. */
const NOTICE_MS = 5_000

for (const workers of [1, 2])
  describe(`uploads that meet, workers: ${workers}`, () => {
    let server: RaceServer
    let http: RawClient
    before(async () => {
      server = await startRaceServer([REPOSITORY], { flags: ['--workers', String(workers)] })
      http = server.http
    })
    after(() => server[Symbol.asyncDispose]())

    it('stores a blob that 20 clients push at once', async () => {
      const bytes = randomBytes(1_500_000)
      const digests = await Promise.all(Array.from({ length: 20 }, () => pushBlob(http, REPOSITORY, bytes)))
      assert.equal(new Set(digests).size, 1)
      const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${digests[0]}`)
      assert.equal(digest, hashSha256(bytes))
    })

    it('takes one of two chunks for the same place', async () => {
      for (let round = 0; round < 40; round++) {
        const location = await openSession(http, REPOSITORY)
        const chunks = [randomBytes(70_000), randomBytes(70_000)]
        const headers = { 'content-range': '0-69999' }
        const answers = await Promise.all(
          chunks.map((body) => http.send('PATCH', location, { body, headers })),
        )
        const statuses = answers.map((answer) => answer.status)
        assert.deepEqual(statuses.toSorted(), [202, 416], `${statuses}`)
        const winner = chunks[statuses.indexOf(202)] ?? assert.fail()
        assert.equal(await readOffset(http, location), winner.length)
        const finished = await http.send('PUT', `${location}?digest=${hashSha256(winner)}`)
        assert.equal(finished.status, 201, String(finished.body))
      }
    })

    it('never mixes two streamed bodies', async () => {
      for (let round = 0; round < 40; round++) {
        const location = await openSession(http, REPOSITORY)
        const bodies = [randomBytes(90_000), randomBytes(90_000)]
        const answers = await Promise.all(bodies.map((body) => http.send('PATCH', location, { body })))
        const taken = bodies.filter((_, index) => answers[index]?.status === 202)
        const orders = [taken, taken.toReversed()].map((parts) => hashSha256(Buffer.concat(parts)))
        const finished = await http.send('PUT', `${location}?digest=${orders[0]}`)
        if (finished.status === 201) continue
        const { errors } = JSON.parse(String(finished.body)) as { errors: { detail: { actual: string } }[] }
        assert.equal(errors[0]?.detail.actual, orders[1])
      }
    })

    it('goes on where a client vanished', async () => {
      const bytes = randomBytes(900_000)
      const location = await openSession(http, REPOSITORY)
      await sendPart(location, bytes, 400_000)
      const deadline = Date.now() + NOTICE_MS
      let offset = 0
      while (offset === 0 && Date.now() < deadline) {
        await sleep(5)
        offset = (await readOffset(http, location)) ?? assert.fail('the session is gone')
      }
      assert.ok(offset > 0 && offset <= 400_000, `offset ${offset}`)
      const rest = bytes.subarray(offset)
      const headers = { 'content-range': `${offset}-${bytes.length - 1}` }
      assert.equal((await http.send('PATCH', location, { body: rest, headers })).status, 202)
      assert.equal((await http.send('PUT', `${location}?digest=${hashSha256(bytes)}`)).status, 201)
      const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
      assert.equal(digest, hashSha256(bytes))
    })

    it('ends a session once, however a cancel and the last request meet', async () => {
      for (let round = 0; round < 60; round++) {
        const bytes = randomBytes(60_000)
        const location = await openSession(http, REPOSITORY)
        await http.send('PATCH', location, { body: bytes.subarray(0, 30_000) })
        const [finished, cancelled] = await Promise.all([
          http.send('PUT', `${location}?digest=${hashSha256(bytes)}`, { body: bytes.subarray(30_000) }),
          http.send('DELETE', location),
        ])
        assert.ok([201, 404].includes(finished.status), `${finished.status} ${finished.body}`)
        assert.ok([204, 404].includes(cancelled.status), `${cancelled.status} ${cancelled.body}`)
        const blob = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
        assert.equal(blob.status, finished.status === 201 ? 200 : 404)
        assert.equal(await readOffset(http, location), undefined)
      }
    })

    it('ends a long PATCH that is cancelled after its session has moved, and leaves nothing', async () => {
      const location = await openSession(http, REPOSITORY)
      const sending = http.send('PATCH', location, { body: randomBytes(LONG_BYTES) })
      let offset = 0
      for (const deadline = Date.now() + MOVE_MS; offset === 0; await sleep(2)) {
        assert.ok(Date.now() < deadline, 'the session did not move')
        offset = (await readOffset(http, location)) ?? assert.fail('the session is gone')
      }
      assert.equal((await http.send('DELETE', location)).status, 204)
      const { status } = await sending
      assert.equal(status, 404)
      assert.equal(await readOffset(http, location), undefined)
      assert.deepEqual(await readdir(join(server.site.dataDir, 'berth-uploads')), [])
    })

    it('answers the status of a session truthfully while it becomes a blob', async () => {
      for (let round = 0; round < 60; round++) {
        const bytes = randomBytes(50_000)
        const location = await openSession(http, REPOSITORY)
        await http.send('PATCH', location, { body: bytes })
        const [finished, offset] = await Promise.all([
          http.send('PUT', `${location}?digest=${hashSha256(bytes)}`),
          readOffset(http, location),
        ])
        assert.equal(finished.status, 201, String(finished.body))
        assert.ok(offset === undefined || offset === bytes.length)
        const blob = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
        assert.equal(blob.digest, hashSha256(bytes))
      }
    })

    /** Announces a whole body, sends part of it and cuts the connection. */
    async function sendPart(location: string, bytes: Buffer, length: number): Promise<void> {
      const socket = connect(server.site.port, '127.0.0.1')
      socket.on('error', () => {})
      const head = [`PATCH ${location} HTTP/1.1`, 'host: 127.0.0.1', `authorization: ${server.authorization}`]
      socket.write(`${[...head, `content-length: ${bytes.length}`].join('\r\n')}\r\n\r\n`)
      await new Promise<void>((resolve) => socket.write(bytes.subarray(0, length), () => resolve()))
      socket.destroySoon()
    }
  })
