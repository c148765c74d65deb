import assert from 'node:assert/strict'
import { type SeededRandom, seededBytes } from '../support/content/seeded-random.ts'
import { hashSha256 } from '../support/requests/push-content.ts'
import { type Answer, Interrupted, type RawClient, type Sending } from '../support/requests/raw-request.ts'
import type { BlobEntry, Ledger, ManifestEntry, SessionEntry } from './ledger.ts'

/** Repositories of the pushes. */
export const REPOSITORIES = ['crash/a', 'crash/b', 'crash/c'] as const
/** Largest blob, in bytes: four of the server's buffers and a bit. */
const MAX_BLOB_BYTES = 5 * 1024 * 1024
/** Sessions kept for later rounds. */
const MAX_SESSIONS = 24
/** Smallest blob sent in four chunks: a session of one byte is answered with `Range: 0-0`, as an empty one is. */
const MIN_SESSION_BYTES = 8
/** Tags of one client in one repository: few, so that they move often. */
const TAGS = 3

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Dependencies of a client. */
interface ClientParts {
  readonly id: number
  readonly ledger: Ledger
  readonly http: RawClient
  readonly random: SeededRandom
}

/**
 * Makes one request after the other until the server is gone. Errors: an answer that a healthy server must not give.
 */
export async function runClient(parts: ClientParts): Promise<void> {
  const client = new CrashClient(parts)
  try {
    for (;;) await client.act()
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
  }
}

/** Notes in the ledger before each request what it may change, and after it what it has changed. */
class CrashClient {
  readonly #parts: ClientParts
  #made = 0

  constructor(parts: ClientParts) {
    this.#parts = parts
  }

  async act(): Promise<void> {
    const { random, ledger } = this.#parts
    const dice = random.next()
    if (dice < 0.45) return this.#pushBlob()
    if (dice < 0.7) return this.#pushManifest()
    if (dice < 0.78) return this.#mount()
    if (dice < 0.84) return this.#deleteTag()
    if (dice < 0.9) return this.#deleteManifest()
    if (dice < 0.95) return this.#deleteBlob()
    const session = ledger.sessions.length < MAX_SESSIONS ? await this.#openSession() : undefined
    if (session) await this.#sendChunks(session, random.between(1, 3))
  }

  async #pushBlob(): Promise<void> {
    const { random, ledger } = this.#parts
    const old = random.chance(0.1) ? this.#takeBlob(() => true) : undefined
    const entry = old ?? this.#newBlob()
    await this.#changing(entry, async (settled) => {
      const way = random.between(0, 3)
      if (way === 0) await this.#pushWhole(entry)
      else if (way === 1) await this.#pushInSession(entry, 0)
      else await this.#pushInSession(entry, way === 2 ? 1 : random.between(2, 5))
      settled('present')
      ledger.count(`blob-${way}`)
    })
  }

  async #pushWhole(entry: BlobEntry): Promise<void> {
    const body = makeBytes(entry)
    const url = `/v2/${entry.repository}/blobs/uploads/?digest=${entry.digest}`
    await this.#expect(201, 'POST', url, { body })
  }

  /** POST, then so many PATCH requests, then PUT, which has the bytes if there was no PATCH. */
  async #pushInSession(entry: BlobEntry, patches: number): Promise<void> {
    const opened = await this.#expect(202, 'POST', `/v2/${entry.repository}/blobs/uploads/`)
    const location = String(opened.headers.location)
    const body = makeBytes(entry)
    const step = Math.ceil(body.length / Math.max(1, patches))
    for (let at = 0; patches > 0 && at < body.length; at += step) {
      const chunk = body.subarray(at, at + step)
      const headers = { 'content-range': `${at}-${at + chunk.length - 1}` }
      await this.#expect(202, 'PATCH', location, patches === 1 ? { body: chunk } : { body: chunk, headers })
    }
    const last = patches === 0 ? { body } : {}
    await this.#expect(201, 'PUT', `${location}?digest=${entry.digest}`, last)
  }

  async #openSession(): Promise<SessionEntry> {
    const { ledger } = this.#parts
    const { repository, name, size, digest } = this.#newBlob(MIN_SESSION_BYTES)
    const opened = await this.#expect(202, 'POST', `/v2/${repository}/blobs/uploads/`)
    const location = String(opened.headers.location)
    const session = { repository, location, name, size, digest, offset: 0, isFinishing: false }
    ledger.sessions.push(session)
    return session
  }

  /** Leaves the session unfinished: a later round goes on with it. */
  async #sendChunks(session: SessionEntry, count: number): Promise<void> {
    const body = seededBytes(session.name, session.size)
    const step = Math.ceil(body.length / 4)
    for (let sent = 0; sent < count; sent++) {
      const chunk = body.subarray(session.offset, session.offset + step)
      const headers = { 'content-range': `${session.offset}-${session.offset + chunk.length - 1}` }
      await this.#expect(202, 'PATCH', session.location, { body: chunk, headers })
      session.offset += chunk.length
      this.#parts.ledger.count('chunk')
    }
  }

  async #pushManifest(): Promise<void> {
    const { random, ledger, id } = this.#parts
    const repository = this.#repository()
    const blobs = [1, 2].flatMap(
      () => this.#takeBlob((blob) => blob.repository === repository, 'present') ?? [],
    )
    if (blobs.length < 2) return release(blobs)
    const tag = ledger.tag(repository, `t${id}-${random.between(1, TAGS)}`)
    const before = tag.possible
    const again = ledger.manifests.find((one) => tag.possible.includes(one))
    const manifest = random.chance(0.1) && again ? again : this.#newManifest(repository, blobs)
    const wasThere = manifest.presence
    tag.possible = [...before, manifest]
    if (wasThere === 'absent') manifest.presence = 'maybe'
    manifest.round = ledger.round
    // Released only when answered: a blob named by a request under way is left alone until its fate is known.
    await this.#expect(201, 'PUT', `/v2/${repository}/manifests/${tag.name}`, {
      body: manifest.bytes,
      headers: { 'content-type': OCI_MANIFEST },
    })
    tag.possible = [manifest]
    manifest.presence = 'present'
    release(blobs)
    ledger.count('manifest')
  }

  async #mount(): Promise<void> {
    const { ledger } = this.#parts
    const source = this.#takeBlob(() => true, 'present')
    if (!source) return
    const repository = this.#repository()
    const target = ledger.blob({ ...toContent(source), repository })
    if (target === source || target.isTaken) return release([source])
    target.isTaken = true
    await this.#changing(target, async (settled) => {
      const query = `mount=${source.digest}&from=${source.repository}`
      await this.#expect(201, 'POST', `/v2/${repository}/blobs/uploads/?${query}`)
      settled('present')
      ledger.count('mount')
    })
    release([source])
  }

  async #deleteTag(): Promise<void> {
    const { ledger } = this.#parts
    const tag = this.#parts.random.pick(
      ledger.tags.filter((one) => this.#isMine(one.name) && one.possible[0]),
    )
    if (!tag) return
    const before = tag.possible
    tag.possible = [...before, undefined]
    await this.#expect(202, 'DELETE', `/v2/${tag.repository}/manifests/${tag.name}`)
    tag.possible = [undefined]
    ledger.count('delete-tag')
  }

  async #deleteManifest(): Promise<void> {
    const { ledger, random } = this.#parts
    const tag = random.pick(ledger.tags.filter((one) => this.#isMine(one.name) && one.possible[0]))
    const manifest = tag?.possible[0]
    if (!manifest) return
    const tags = ledger.tags.filter((one) => one.possible[0] === manifest)
    manifest.presence = 'maybe'
    manifest.round = ledger.round
    for (const one of tags) one.possible = [manifest, undefined]
    await this.#expect(202, 'DELETE', `/v2/${manifest.repository}/manifests/${manifest.digest}`)
    manifest.presence = 'absent'
    for (const one of tags) one.possible = [undefined]
    ledger.count('delete-manifest')
  }

  async #deleteBlob(): Promise<void> {
    const entry = this.#takeBlob(() => true, 'present')
    if (!entry) return
    await this.#changing(entry, async (settled) => {
      const path = `/v2/${entry.repository}/blobs/${entry.digest}`
      // Another client may delete a manifest that names it before, during or after this request.
      const isNamed = (presence: ManifestEntry['presence']): boolean =>
        this.#parts.ledger.manifests.some((one) => one.presence === presence && one.blobs.includes(entry))
      const before = isNamed('present') || isNamed('maybe')
      const answer = await this.#parts.http.send('DELETE', path)
      const isRight = answer.status === 405 ? before : answer.status === 202 && !isNamed('present')
      if (!isRight) fail('DELETE', path, answer)
      settled(answer.status === 202 ? 'absent' : 'present')
      this.#parts.ledger.count('delete-blob')
    })
  }

  /** Marks a taken blob as uncertain for the length of a request; it stays uncertain, and taken, if the server dies. */
  async #changing(
    entry: BlobEntry,
    change: (settled: (presence: 'present' | 'absent') => void) => Promise<void>,
  ): Promise<void> {
    const isPush = entry.presence === 'absent'
    const before = entry.presence
    entry.presence = 'maybe'
    entry.round = this.#parts.ledger.round
    try {
      await change((presence) => {
        entry.presence = presence
        entry.isTaken = false
      })
    } catch (error) {
      // An interrupted push of what was there before must not have taken it away; a delete may have.
      if (!isPush && before === 'present' && !isDelete(error)) entry.presence = 'present'
      throw error
    }
  }

  #newBlob(minBytes = 0): BlobEntry {
    const { random, ledger, id } = this.#parts
    const name = `blob-${ledger.round}-${id}-${this.#made++}`
    const isLarge = random.chance(0.15)
    const size = isLarge ? random.between(1_000_000, MAX_BLOB_BYTES) : random.between(minBytes, 40_000)
    const digest = hashSha256(seededBytes(name, size))
    const entry = ledger.blob({ repository: this.#repository(), digest, name, size })
    entry.isTaken = true
    return entry
  }

  #newManifest(repository: string, blobs: readonly BlobEntry[]): ManifestEntry {
    const { ledger, id } = this.#parts
    const [config, ...layers] = blobs.map(({ digest, size }) => ({
      mediaType: 'application/octet-stream',
      digest,
      size,
    }))
    const annotations = { 'test.berth.origin': `${ledger.round}-${id}-${this.#made++}` }
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, annotations }),
    )
    const digest = hashSha256(bytes)
    const manifest: ManifestEntry = {
      repository,
      digest,
      bytes,
      blobs,
      presence: 'absent',
      round: ledger.round,
    }
    ledger.manifests.push(manifest)
    return manifest
  }

  /** A blob that no other client is changing, taken for this client until it is released. */
  #takeBlob(fits: (blob: BlobEntry) => boolean, presence?: 'present'): BlobEntry | undefined {
    const recent = this.#parts.ledger.blobs.slice(-200)
    const free = recent.filter(
      (blob) =>
        !blob.isTaken && blob.presence !== 'maybe' && (!presence || blob.presence === presence) && fits(blob),
    )
    const taken = this.#parts.random.pick(free)
    if (taken) taken.isTaken = true
    return taken
  }

  #repository(): string {
    return this.#parts.random.pick(REPOSITORIES) ?? REPOSITORIES[0]
  }

  #isMine(tag: string): boolean {
    return tag.startsWith(`t${this.#parts.id}-`)
  }

  async #expect(status: number, method: string, path: string, sending?: Sending): Promise<Answer> {
    const answer = await this.#parts.http.send(method, path, sending)
    if (answer.status !== status) fail(method, path, answer)
    return answer
  }
}

function isDelete(error: unknown): boolean {
  return error instanceof Interrupted && error.message.startsWith('DELETE')
}

function release(blobs: readonly BlobEntry[]): void {
  for (const blob of blobs) blob.isTaken = false
}

function toContent({ digest, name, size }: BlobEntry): { digest: string; name: string; size: number } {
  return { digest, name, size }
}

function makeBytes({ name, size }: BlobEntry): Buffer {
  return seededBytes(name, size)
}

function fail(method: string, path: string, answer: Answer): never {
  assert.fail(`${method} ${path} was answered ${answer.status} ${answer.body}`)
}
