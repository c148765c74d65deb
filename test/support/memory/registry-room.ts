import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { MEDIA_TYPES } from '../../../src/oci/media-type.ts'
import { parseReference, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import type { BlobDamage } from '../../../src/registry/presence/blob-presence.ts'
import type { UploadKey } from '../../../src/registry/push/push-blob.ts'
import type { UploadBody } from '../../../src/registry/push/upload-body.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { type TemporaryDatabase, temporaryDatabase } from '../database/temporary-database.ts'
import { MemoryBlobStore } from './memory-blob-store.ts'

type Policy = Parameters<typeof createRegistry>[0]['policy']

/** Bytes of a body, with what a client may say of them. */
export function createBody(
  bytes: string | Buffer,
  statements: Partial<Omit<UploadBody, 'source'>> = {},
): UploadBody {
  const source = Readable.from([Buffer.from(bytes)], { objectMode: false })
  return { source, range: undefined, length: bytes.length, ...statements }
}

/** A manifest and what refers to it, in the words of a test. */
interface ManifestText {
  /** Contents of its layers. */
  readonly layers?: readonly string[]
  /** Manifests of an index. */
  readonly children?: readonly Buffer[]
  readonly subject?: Buffer
  readonly artifactType?: string
  /** Also makes manifests differ. */
  readonly annotations?: Readonly<Record<string, string>>
}

/** The bytes of an image manifest, or of an index if it has children. Its config is the text `{}`. */
export function formatManifest({ layers = [], children, subject, ...rest }: ManifestText = {}): Buffer {
  const describe = (bytes: string | Buffer, mediaType: string) => ({
    mediaType,
    digest: hashContent(bytes),
    size: bytes.length,
  })
  const image = (bytes: Buffer) => describe(bytes, MEDIA_TYPES.ociManifest)
  const content = children
    ? { mediaType: MEDIA_TYPES.ociIndex, manifests: children.map(image) }
    : {
        mediaType: MEDIA_TYPES.ociManifest,
        config: describe('{}', 'application/vnd.oci.empty.v1+json'),
        layers: layers.map((text) => describe(text, 'application/octet-stream')),
      }
  const refers = subject === undefined ? {} : { subject: image(subject) }
  return Buffer.from(JSON.stringify({ schemaVersion: 2, ...content, ...refers, ...rest }))
}

/** A registry over stores of its own, with names that no other room has. */
export interface RegistryRoom {
  readonly registry: Registry
  readonly blobs: MemoryBlobStore
  readonly metadata: Metadata
  readonly owner: string
  readonly repository: RepositoryName
  /** A second repository of the same owner. */
  readonly other: RepositoryName
  readonly damages: BlobDamage[]
  /** Lets so many milliseconds pass for the registry. */
  pass(ms: number): void
  /** Pushes a blob in one request. */
  pushBlob(text: string | Buffer, repository?: RepositoryName): Promise<Digest>
  /** Pushes a manifest under a tag, or by its digest. */
  pushManifest(bytes: Buffer, tag?: string, repository?: RepositoryName): Promise<Digest>
  /** The bytes of a blob of the store, whoever may read them. */
  read(digest: Digest): Promise<string>
}

/** Rooms over one database, which is what takes time to open. */
export class RegistryRooms implements AsyncDisposable {
  readonly #temporary: TemporaryDatabase
  #count = 0

  private constructor(temporary: TemporaryDatabase) {
    this.#temporary = temporary
  }

  static async open(): Promise<RegistryRooms> {
    return new RegistryRooms(await temporaryDatabase())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#temporary[Symbol.asyncDispose]()
  }

  get database(): TemporaryDatabase['database'] {
    return this.#temporary.database
  }

  /** Facts in the same database by another clock. */
  metadataAt(clock: () => number): Metadata {
    return createSqlMetadata(this.database, clock)
  }

  enter(policy: Partial<Policy> = {}, blobs: MemoryBlobStore = new MemoryBlobStore()): RegistryRoom {
    const owner = `user${++this.#count}`
    const repository = parseRepositoryName(`${owner}/app`)
    const metadata = createSqlMetadata(this.database)
    const damages: BlobDamage[] = []
    let now = 0
    const registry = createRegistry({
      blobs,
      metadata,
      policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0, ...policy },
      onBlobDamage: (damage) => void damages.push(damage),
      clock: () => now,
    })
    return {
      registry,
      blobs,
      metadata,
      owner,
      repository,
      other: parseRepositoryName(`${owner}/other`),
      damages,
      pass(ms) {
        now += ms
      },
      async pushBlob(text, into = repository) {
        const digest = hashContent(text)
        await registry.pushWholeBlob({ repository: into, owner, digest }, createBody(text))
        return digest
      },
      async pushManifest(bytes, tag, into = repository) {
        const reference = parseReference(tag ?? hashContent(bytes))
        const push = { repository: into, owner, reference, bytes, tags: [] as Tag[], contentType: undefined }
        return (await registry.pushManifest(push)).digest
      },
      async read(digest) {
        const { size } = (await blobs.stat(digest)) ?? { size: 0 }
        const texts: string[] = []
        await blobs.send(digest, [{ start: 0, end: size }], async (bytes) => void texts.push(String(bytes)))
        return texts.join('')
      },
    }
  }
}

/** Opens an upload session in a room. */
export async function startUpload(
  { registry, repository, owner }: RegistryRoom,
  algorithm?: 'sha512',
): Promise<UploadKey> {
  const { id, offset } = await registry.startUpload({ repository, owner, algorithm })
  assert.equal(offset, 0)
  return { id, repository, owner }
}

/** Fails unless a session has ended, and the store has no upload. */
export async function assertUploadGone(
  { registry, blobs, metadata }: RegistryRoom,
  key: UploadKey,
): Promise<void> {
  await assert.rejects(registry.getUploadStatus(key), { code: 'BLOB_UPLOAD_UNKNOWN' })
  assert.equal(await metadata.findUpload(key.id), undefined)
  assert.deepEqual(await blobs.listStale(new Date(Date.now() + 60_000), 9), [])
}
