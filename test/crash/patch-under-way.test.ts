import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom, seededBytes } from '../support/content/seeded-random.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import {
  addAdministrator,
  BerthProcess,
  type BerthSite,
  fetchToken,
} from '../support/program/berth-process.ts'
import { hashSha256, openSession, readOffset } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const SEED = process.env.BERTH_CRASH_SEED ?? 'patch'
const KILLS = 4
const REPOSITORY = 'crash/patch'
const MIB = 1024 * 1024
/** Bytes of one PATCH: several times the bytes after which a session is moved forward. */
const SIZE = 200 * MIB
const PIECE = MIB
/** Longest wait for the session to move, in ms. */
const MOVE_MS = 60_000
/** Latest kill after it has moved, in ms. */
const LATEST_KILL_MS = 400

/** With workers the primary is killed; they end by themselves. */
for (const workers of [1, 2])
  it(`goes on with a PATCH under way through ${KILLS} kills, workers: ${workers}`, {
    timeout: 540_000,
  }, async (t) => {
    await using folder = await makeTempFolder('crash')
    const site: BerthSite = {
      dataDir: join(folder.path, 'data'),
      port: await findFreePort(),
      logFile: join(folder.path, 'berth.log'),
      flags: ['--token-lifetime', '3600', '--workers', String(workers)],
    }
    const random = new SeededRandom(`${SEED}-${workers}`)
    const basic = await addAdministrator(site)
    const kept: number[] = []
    let token = ''
    for (let round = 0; round < KILLS; round++) {
      const bytes = seededBytes(`${SEED}-${workers}-${round}`, SIZE)
      let location = ''
      let seen = 0
      let sent = 0
      {
        await using server = await BerthProcess.start(site)
        token ||= await fetchToken(site, basic, [REPOSITORY])
        using http = new RawClient(site.port, { authorization: token })
        location = await openSession(http, REPOSITORY)
        const patch = new SlowPatch(site.port, { location, token, bytes })
        const deadline = Date.now() + MOVE_MS
        for (; seen === 0; seen = (await readOffset(http, location)) ?? assert.fail('the session is gone')) {
          assert.ok(!patch.hasEnded && Date.now() < deadline, 'the session did not move while its PATCH ran')
          await sleep(5)
        }
        await sleep(random.between(0, LATEST_KILL_MS))
        await server.kill()
        sent = await patch.ended()
      }
      await using _again = await BerthProcess.start(site)
      using http = new RawClient(site.port, { authorization: token })
      const offset = (await readOffset(http, location)) ?? assert.fail('the session is gone')
      assert.ok(offset >= seen && offset <= sent, `offset ${offset}, told before ${seen}, sent ${sent}`)
      kept.push(Math.round(offset / MIB))
      const finished = await http.send('PUT', `${location}?digest=${hashSha256(bytes)}`, {
        body: bytes.subarray(offset),
      })
      assert.equal(finished.status, 201, `going on from ${offset}: ${finished.body}`)
      const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
      assert.equal(digest, hashSha256(bytes))
    }
    t.diagnostic(`MiB kept: ${kept.join(', ')}`)
  })

/** A PATCH whose last piece is never sent, so that it is under way for as long as the server lives. */
class SlowPatch {
  hasEnded = false
  #sent = 0
  readonly #ended: Promise<void>

  constructor(port: number, { location, token, bytes }: { location: string; token: string; bytes: Buffer }) {
    const socket = connect(port, '127.0.0.1')
    const head = [`PATCH ${location} HTTP/1.1`, 'host: 127.0.0.1', `authorization: ${token}`]
    const headers = `${[...head, `content-length: ${bytes.length}`].join('\r\n')}\r\n\r\n`
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.hasEnded = true
      resolve()
    })
    const send = (): void => {
      while (this.#sent + PIECE < bytes.length && !socket.destroyed) {
        const piece = bytes.subarray(this.#sent, this.#sent + PIECE)
        this.#sent += piece.length
        if (socket.write(piece)) continue
        socket.once('drain', send)
        return
      }
    }
    socket.once('connect', () => {
      socket.write(headers)
      send()
    })
  }

  /** Waits for the end of the connection. @returns the most bytes that were handed to the system. */
  async ended(): Promise<number> {
    await this.#ended
    return this.#sent
  }
}
