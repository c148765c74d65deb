import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { pino } from 'pino'
import { createAccounts } from '../../accounts/create-accounts.ts'
import { createLoginPlaces } from '../../accounts/guesses/login-places.ts'
import { LoginGuard } from '../../accounts/log-in/login-guard.ts'
import type { BlobReader, BlobStore } from '../../blobs/blob-store.ts'
import { createRegistryClient, type RegistryClient } from '../../client/registry-client.ts'
import { loadConfig } from '../../config/load/load-config.ts'
import type { Database } from '../../database/database.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { createBackupFacts } from '../../metadata/backup/create-backup-facts.ts'
import type { PullableManifest } from '../../metadata/backup-facts.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { FoundGeneration } from '../../upkeep/backup/backup-folder.ts'
import { copyBlob } from '../../upkeep/backup/copy-blob.ts'
import { drawSample } from '../../upkeep/backup/draw-sample.ts'
import { restoreFacts } from '../backup/restore-facts.ts'
import { accountBelongings } from '../database/account-belongings.ts'
import { type BerthSchema, MIGRATION_SETS } from '../database/database-schema.ts'
import { AppError } from '../faults/app-error.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { startBerth } from '../start.ts'

/** Room that is left free on the disk of the drill, in bytes. */
const LEFT_FREE_BYTES = 64 * 1024 ** 2

/** Options of a drill. */
interface DrillOptions {
  readonly found: FoundGeneration
  readonly from: Pick<BlobReader, 'stat' | 'send'>
  /** Folder for the temporary copy. */
  readonly tempFolder: string
  readonly size: number | 'all'
  readonly seed: string
  /** Bytes of restored blobs that are on the disk at once, unless one blob alone is larger. */
  readonly spaceBytes: number
  readonly onImage?: ((image: DrilledImage) => void) | undefined
}

/** A manifest that was pulled, or not. */
interface DrilledImage {
  readonly image: string
  readonly blobs: number
  readonly bytes: number
  /** Undefined: all of it came back bit by bit. */
  readonly problem: string | undefined
}

/** Result of a drill. */
interface DrillReport {
  /** Manifests pulled, of so many that there are. */
  readonly pulled: number
  readonly of: number
  readonly blobs: number
  readonly bytes: number
  readonly bad: readonly DrilledImage[]
}

/**
 * Restores a generation elsewhere, starts a registry there on a port of this machine alone, and pulls a sample of its images,
 * all of whose bytes are compared with their digests. Blobs are restored image by image, so that the space is bounded.
 * Errors: `BackupError` of damaged facts; `AppError` `STORAGE_FULL`.
 */
export async function drill(options: DrillOptions): Promise<DrillReport> {
  const { found, tempFolder, size, seed } = options
  await requireRoom(tempFolder, 2 * found.generation.facts.bytes)
  const folder = await mkdtemp(join(tempFolder, 'berth-drill-'))
  try {
    const dataDir = join(folder, 'data')
    await restoreFacts(found, { folder: dataDir, keepsLogIns: false })
    const flags = { data: dataDir, 'listen-http': '127.0.0.1:0', collect: 'false' }
    const { config } = loadConfig({ flags, env: {}, cwd: folder })
    const database = await openSqliteDatabase<BerthSchema>(databaseFile(dataDir), {
      migrations: MIGRATION_SETS,
    })
    try {
      const drawn = await drawSample(createBackupFacts(database), { size, seed })
      const account = await makeAccount(database)
      const server = await startBerth(config, pino({ enabled: false }))
      try {
        const client = createRegistryClient({ url: server.urls[0] ?? '', ...account })
        const store = await createBlobPlace(config).open()
        const images = new ImagePuller({
          ...options,
          client,
          store,
          metadata: createSqlMetadata(database),
          folder,
        })
        return await pullAll(drawn, { images, onImage: options.onImage })
      } finally {
        await server.stop()
      }
    } finally {
      await database.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function pullAll(
  { sample, of }: { sample: readonly PullableManifest[]; of: number },
  { images, onImage }: { images: ImagePuller } & Pick<DrillOptions, 'onImage'>,
): Promise<DrillReport> {
  const bad: DrilledImage[] = []
  let blobs = 0
  let bytes = 0
  for (const manifest of sample) {
    const image = await images.pull(manifest)
    onImage?.(image)
    blobs += image.blobs
    bytes += image.bytes
    if (image.problem !== undefined) bad.push(image)
  }
  return { pulled: sample.length - bad.length, of, blobs, bytes, bad }
}

/** An administrator of the copy only, who may pull everything. */
async function makeAccount(database: Database<BerthSchema>): Promise<{ username: string; password: string }> {
  const places = createLoginPlaces(database)
  const accounts = createAccounts({
    database,
    belongings: accountBelongings(database),
    htpasswdFile: undefined,
    weakHashes: false,
    onHtpasswdChange: () => {},
    guard: new LoginGuard({ places }),
  })
  const username = `drill-${randomBytes(6).toString('hex')}`
  const password = randomBytes(18).toString('base64url')
  await accounts.add({ name: username, password, isAdmin: true })
  await accounts.close()
  return { username, password }
}

interface PullerParts extends Pick<DrillOptions, 'from' | 'spaceBytes'> {
  readonly client: RegistryClient
  readonly store: BlobStore
  readonly metadata: Pick<Metadata, 'findBlob'>
  readonly folder: string
}

/** Restores and pulls images, one after the other. */
class ImagePuller {
  readonly #parts: PullerParts
  /** Restored blobs, with their sizes. */
  readonly #restored = new Map<Digest, number>()
  #bytes = 0

  constructor(parts: PullerParts) {
    this.#parts = parts
  }

  async pull({ repository, digest }: PullableManifest): Promise<DrilledImage> {
    const image = `${repository}@${digest}`
    let blobs = 0
    let bytes = 0
    try {
      const name = parseRepositoryName(repository)
      const pulled = await this.#parts.client.getManifest(name, digest)
      bytes += pulled.bytes.length
      for (const blob of await this.#listBlobs(name, pulled)) {
        await this.#restore(blob)
        for await (const piece of this.#parts.client.pullBlob(name, blob)) bytes += piece.length
        blobs++
      }
      return { image, blobs, bytes, problem: undefined }
    } catch (error) {
      if (error instanceof AppError) throw error
      return { image, blobs, bytes, problem: error instanceof Error ? error.message : String(error) }
    }
  }

  /** Those that the repository has: layers that were never pushed are in no registry. */
  async #listBlobs(
    name: RepositoryName,
    { bytes, mediaType }: { bytes: Buffer; mediaType: string },
  ): Promise<Digest[]> {
    const { config, layers, children } = parseManifest(bytes, mediaType)
    const digests = new Set([config, ...layers, ...children].flatMap((one) => (one ? [one.digest] : [])))
    const held: Digest[] = []
    for (const digest of digests) if (await this.#parts.metadata.findBlob(name, digest)) held.push(digest)
    return held
  }

  async #restore(digest: Digest): Promise<void> {
    if (this.#restored.has(digest)) return
    const { from, store, folder, spaceBytes } = this.#parts
    const size = (await from.stat(digest))?.size ?? 0
    if (this.#bytes > 0 && this.#bytes + size > spaceBytes) await this.#empty()
    await requireRoom(folder, size)
    await copyBlob({ from, to: store, digest })
    this.#restored.set(digest, size)
    this.#bytes += size
  }

  async #empty(): Promise<void> {
    for (const digest of this.#restored.keys()) await this.#parts.store.delete(digest)
    this.#restored.clear()
    this.#bytes = 0
  }
}

/** Errors: `AppError` `STORAGE_FULL` with the numbers. */
async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= bytes + LEFT_FREE_BYTES) return
  const mib = (n: number): string => `${Math.ceil(n / 1024 ** 2)} MiB`
  throw new AppError(
    'STORAGE_FULL',
    `The drill needs ${mib(bytes + LEFT_FREE_BYTES)} in ${folder}, where ${mib(free)} are free`,
    'Name a folder of a larger disk with --temp',
  )
}
