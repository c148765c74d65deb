import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type PostgresServer,
  postgresSkipReason,
  startPostgresServer,
} from '../support/database/postgres-server.ts'
import { formatManifest, hashSha256 } from '../support/requests/push-content.ts'
import type { Answer, RawClient } from '../support/requests/raw-request.ts'
import { startRaceServer } from './race-server.ts'

const REPOSITORY = 'race/restart'
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
/** Clients that push all the time. */
const CLIENTS = 6
/** Pushes that must be acknowledged before each restart and after the last. */
const PUSHES = 20
/** Pause of a client that was turned away, in ms. */
const PAUSE_MS = 20

describe('a restart of PostgreSQL under load', { skip: postgresSkipReason() }, () => {
  it('loses no acknowledged push; clients get 503 with Retry-After meanwhile, and pushes go on by themselves', async (context) => {
    await using postgres = await startPostgresServer()
    const { url } = await postgres.createDatabase()
    await using server = await startRaceServer([REPOSITORY], { databaseUrl: url })
    const load = new Load(server.http)
    const clients = Array.from({ length: CLIENTS }, (_, client) => load.run(client))
    for (const end of ['stop', 'kill'] as const) await restart(postgres, load, end)
    await load.until(({ images }) => images.length + PUSHES)
    load.end()
    await Promise.all(clients)
    assert.equal(server.process.hasEnded, false)
    for (const image of load.images) await assertServed(server.http, image)
    context.diagnostic(`${load.images.length} images acknowledged, ${load.refused} requests turned away`)
  })
})

/** Down until clients were turned away, and up again. */
async function restart(postgres: PostgresServer, load: Load, end: 'stop' | 'kill'): Promise<void> {
  await load.until(({ images }) => images.length + PUSHES)
  await postgres[end]()
  await load.untilRefused(load.refused + CLIENTS)
  await postgres.start()
}

interface Image {
  readonly tag: string
  readonly blob: Buffer
  readonly manifest: Buffer
}

/** Clients that push images, each under a tag of its own, and note those that were acknowledged. */
class Load {
  readonly images: Image[] = []
  refused = 0
  readonly #http: RawClient
  #isEnded = false

  constructor(http: RawClient) {
    this.#http = http
  }

  async run(client: number): Promise<void> {
    for (let image = 0; !this.#isEnded; image++) await this.#push(`t${client}-${image}`)
  }

  end(): void {
    this.#isEnded = true
  }

  /** Waits until so many images as `count` says now are acknowledged. */
  async until(count: (load: Load) => number): Promise<void> {
    const wanted = count(this)
    while (this.images.length < wanted) await sleep(PAUSE_MS)
  }

  async untilRefused(count: number): Promise<void> {
    while (this.refused < count) await sleep(PAUSE_MS)
  }

  async #push(tag: string): Promise<void> {
    const blob = randomBytes(2_000)
    const manifest = formatManifest([blob])
    const path = `/v2/${REPOSITORY}`
    const upload = `${path}/blobs/uploads/?digest=${hashSha256(blob)}`
    if (!(await this.#isTaken(await this.#http.send('POST', upload, { body: blob })))) return
    const headers = { 'content-type': OCI_MANIFEST }
    const put = await this.#http.send('PUT', `${path}/manifests/${tag}`, { body: manifest, headers })
    if (await this.#isTaken(put)) this.images.push({ tag, blob, manifest })
  }

  async #isTaken({ status, headers, body }: Answer): Promise<boolean> {
    if (status === 201) return true
    assert.equal(status, 503, String(body))
    assert.match(String(headers['retry-after']), /^\d+$/)
    this.refused++
    await sleep(PAUSE_MS)
    return false
  }
}

async function assertServed(http: RawClient, { tag, blob, manifest }: Image): Promise<void> {
  const found = await http.send('GET', `/v2/${REPOSITORY}/manifests/${tag}`)
  assert.equal(found.digest, hashSha256(manifest), `${tag} is answered ${found.status}`)
  const { digest } = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(blob)}`)
  assert.equal(digest, hashSha256(blob))
}
