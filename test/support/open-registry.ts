import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import type { BerthSchema } from '../../src/app/database-schema.ts'
import type { BlobStore } from '../../src/blobs/blob-store.ts'
import { DiskBlobStore } from '../../src/blobs/disk/disk-blob-store.ts'
import type { Database } from '../../src/database/database.ts'
import type { Metadata } from '../../src/metadata/metadata.ts'
import { createSqlMetadata } from '../../src/metadata/sql-metadata.ts'
import { type Digest, digestOf } from '../../src/oci/digest.ts'
import { OciError, type OciErrorCode } from '../../src/oci/errors.ts'
import { MEDIA_TYPES } from '../../src/oci/media-type.ts'
import { parseTag, type Reference } from '../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import type { BlobDamage } from '../../src/registry/blob-presence.ts'
import { createRegistry } from '../../src/registry/create-registry.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { temporaryDatabase } from './temporary-database.ts'

export const APP: RepositoryName = parseRepositoryName('alice/app')
export const OTHER: RepositoryName = parseRepositoryName('bob/app')
/** Id of the account that pushes. */
export const OWNER = 'user:alice'

/** Decisions of the operator that a test changes. */
export type PolicyOptions = Partial<Parameters<typeof createRegistry>[0]['policy']>

/** A registry without HTTP, over empty stores of its own. */
export interface OpenedRegistry extends AsyncDisposable {
  readonly registry: Registry
  readonly blobs: BlobStore
  readonly metadata: Metadata
  readonly database: Database<BerthSchema>
  readonly damages: readonly BlobDamage[]
  /** Lets so many milliseconds pass for the registry. */
  pass(ms: number): void
  /** Another registry over the same stores, with other decisions. */
  again(policy: PolicyOptions): Registry
}

/** Opens a registry; disposing removes its stores. */
export async function openRegistry(policy: PolicyOptions = {}): Promise<OpenedRegistry> {
  const { database, folder, [Symbol.asyncDispose]: close } = await temporaryDatabase()
  const blobs = await DiskBlobStore.open(folder, undefined)
  const metadata = createSqlMetadata(database)
  const damages: BlobDamage[] = []
  let now = 0
  const again = (changed: PolicyOptions): Registry =>
    createRegistry({
      blobs,
      metadata,
      policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0, ...changed },
      onBlobDamage: (damage) => void damages.push(damage),
      clock: () => now,
    })
  const registry = again(policy)
  const pass = (ms: number): void => {
    now += ms
  }
  return { registry, blobs, metadata, database, damages, again, pass, [Symbol.asyncDispose]: close }
}

/** Text as the body of a request. */
export function bodyOf(text: string): { source: Readable; range: undefined; length: number } {
  return { source: Readable.from([Buffer.from(text)]), range: undefined, length: Buffer.byteLength(text) }
}

/** Pushes text as a blob. @returns its digest. */
export async function pushText(
  registry: Registry,
  repository: RepositoryName,
  text: string,
): Promise<Digest> {
  const digest = digestOf(text)
  await registry.pushWholeBlob({ repository, owner: OWNER, digest }, bodyOf(text))
  return digest
}

/** The bytes of an image manifest over blobs of these texts, the first as its config. */
export function imageOf(texts: readonly string[], more: object = {}): Buffer {
  const [config, ...layers] = texts.map((text) => ({
    mediaType: 'application/octet-stream',
    digest: digestOf(text),
    size: text.length,
  }))
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers, ...more }),
  )
}

/** Pushes a manifest by a tag, or by its digest. @returns its digest. */
export async function putManifest(
  registry: Registry,
  bytes: Buffer,
  { repository = APP, tag }: { repository?: RepositoryName; tag?: string } = {},
): Promise<Digest> {
  const reference: Reference = tag === undefined ? digestOf(bytes) : parseTag(tag)
  const push = { repository, owner: OWNER, reference, tags: [], contentType: undefined, bytes }
  return (await registry.pushManifest(push)).digest
}

/** Fails unless the work is refused with this code. @returns the error. */
export async function refusalOf(code: OciErrorCode, work: Promise<unknown>): Promise<OciError> {
  const error = await work.then(
    () => assert.fail(`expected ${code}`),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof OciError, String(error))
  assert.equal(error.code, code, error.message)
  return error
}
