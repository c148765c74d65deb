import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import { DiskBlobStore } from '../../../src/blobs/disk/disk-blob-store.ts'
import { blobPath } from '../../../src/blobs/disk/layout.ts'
import { createPassFacts } from '../../../src/metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../../../src/metadata/scrub/create-scrub-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import { type ScrubPassParts, scrub } from '../../../src/upkeep/scrub/scrub.ts'
import type { OpenDatabase } from '../database/test-engine.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { MemoryBlobStore } from './memory-blob-store.ts'
import { createBody, formatManifest } from './registry-room.ts'

export const APP = parseRepositoryName('alice/app')
const HOUR_MS = 3_600_000

/** Damages that bytes in a store can have; `folder` only in one of files. */
export type DamageAct = 'flipped' | 'short' | 'long' | 'empty' | 'missing' | 'unreadable' | 'folder'

/** A store whose bytes a test can damage behind its back. */
interface DamageableStore extends AsyncDisposable {
  readonly blobs: BlobStore
  damage(digest: Digest, bytes: Buffer, act: DamageAct): Promise<void>
}

async function openDisk(): Promise<DamageableStore> {
  const folder = await makeTempFolder('scrub')
  const blobs = await DiskBlobStore.open(folder.path)
  return {
    blobs,
    async damage(digest, bytes, act) {
      const path = blobPath(folder.path, digest)
      await mkdir(dirname(path), { recursive: true })
      await rm(path, { force: true })
      // The system answers EIO for an address that is not mapped.
      if (act === 'unreadable') return symlink('/proc/self/mem', path)
      if (act === 'folder') return void (await mkdir(path))
      const wrong = toWrong(bytes, act)
      if (wrong) await writeFile(path, wrong)
    },
    async [Symbol.asyncDispose]() {
      await blobs.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function openMemory(): Promise<DamageableStore> {
  const blobs = new MemoryBlobStore()
  return {
    blobs,
    async damage(digest, bytes, act) {
      const wrong = toWrong(bytes, act)
      if (wrong) await blobs.put(digest, wrong)
      else await blobs.delete(digest)
      if (act !== 'unreadable') return
      await blobs.put(digest, bytes)
      blobs.bucket.unreadable.add(`blobs/${digest.replace(':', '/')}`)
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function toWrong(bytes: Buffer, act: DamageAct): Buffer | undefined {
  const flipped = Buffer.from(bytes)
  flipped[0] = (flipped[0] ?? 0) ^ 1
  switch (act) {
    case 'flipped':
      return flipped
    case 'short':
      return bytes.subarray(0, -1)
    case 'long':
      return Buffer.concat([bytes, bytes])
    case 'empty':
      return Buffer.alloc(0)
    default:
      return undefined
  }
}

/** The stores that bytes can be damaged in. */
export const DAMAGEABLE_STORES: Readonly<Record<string, () => Promise<DamageableStore>>> = {
  disk: openDisk,
  memory: openMemory,
}

/** A registry over a store and a database, by a clock of the test, and what scrubbing it reports. */
export async function openScrubRoom(openStore: () => Promise<DamageableStore>, openDatabase: OpenDatabase) {
  await using resources = new AsyncDisposableStack()
  const { blobs, damage } = resources.use(await openStore())
  const { database } = resources.use(await openDatabase())
  let now = Date.UTC(2030, 0, 1)
  const clock = (): number => now
  const metadata = createSqlMetadata(database, clock)
  const [facts, passes] = [createScrubFacts(database, clock), createPassFacts(database, clock)]
  const registry = createRegistry({
    blobs,
    metadata,
    policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 },
    clock,
  })
  const events: string[] = []
  const parts: ScrubPassParts = {
    blobs,
    facts,
    metadata,
    passes,
    holder: randomUUID(),
    pace: { stepsPerSecond: 1e9, bytesPerSecond: 1e15 },
    report: {
      onDamage: ({ digest, kind }, repositories) => events.push(`${kind} ${digest} ${repositories}`),
      onUndecided: (digest) => events.push(`undecided ${digest}`),
      onMended: (digest, how) => events.push(`${how} ${digest}`),
      onFailure: (digest, error) => events.push(`failed ${digest} ${error}`),
    },
  }
  const kept = resources.move()
  return {
    blobs,
    damage,
    database,
    metadata,
    facts,
    passes,
    registry,
    parts,
    /** What was reported since the last call. */
    takeEvents: () => events.splice(0),
    pass(hours: number) {
      now += hours * HOUR_MS
    },
    /** Lets the pushes so far be old, and verifies everything. */
    async scrub(options: Partial<ScrubPassParts> = {}) {
      now += 3 * HOUR_MS
      const all = { ...parts, ...options }
      const taken = await passes.take('scrub', { holder: all.holder, everyMs: 0 })
      if (typeof taken === 'string') return assert.fail(taken)
      return scrub(all, taken)
    },
    async pushBlob(bytes: Buffer | string, algorithm: 'sha256' | 'sha512' = 'sha256'): Promise<Digest> {
      const digest = hashContent(bytes, algorithm)
      await registry.pushWholeBlob({ repository: APP, owner: 'alice', digest }, createBody(bytes))
      return digest
    },
    /** Pushes an image with these layers, which are pushed already. */
    async pushImage(tag: string, layers: string[] = []): Promise<{ digest: Digest; bytes: Buffer }> {
      await this.pushBlob('{}')
      const bytes = formatManifest({ layers })
      const push = { repository: APP, owner: 'alice', reference: parseTag(tag), bytes, tags: [] }
      const { digest } = await registry.pushManifest({ ...push, contentType: undefined })
      return { digest, bytes }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
