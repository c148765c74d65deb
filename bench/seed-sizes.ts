import type { Database } from '../src/database/database.ts'
import type { MetadataSchema } from '../src/metadata/schema.ts'
import { MANIFEST_TYPE } from './push-image.ts'

/** The repository of many tags. */
export const TAGGED = 'bench/tagged'
/** Images inserted in one transaction. */
const BATCH = 1_000
/** Rows of one statement: their values stay below the bounds of both engines. */
const ROWS = 2_000
/** Layers of an image that it has in common with all others, and those of its own. */
const LAYERS = { shared: 2, own: 3 } as const
/** Namespaces of the other repositories. */
const NAMESPACES = 100

/** Numbers of what is seeded. */
interface SeedOptions {
  /** Tags of {@link TAGGED}, each of an image of its own. */
  readonly tags: number
  /** Other repositories, each of one image. */
  readonly repositories: number
}

interface SeededImage {
  readonly repositoryId: number
  readonly number: number
  readonly tag: string
}

/** Writes images as rows, in either engine: no bytes are stored. */
export async function seedSizes(
  database: Database<MetadataSchema>,
  { tags, repositories }: SeedOptions,
): Promise<void> {
  const names = Array.from({ length: repositories }, (_, at) => `space-${at % NAMESPACES}/repository-${at}`)
  const ids = await insertRepositories(database, [TAGGED, ...names])
  const images = [
    ...Array.from({ length: tags }, (_, at) => ({
      repositoryId: ids.get(TAGGED) ?? 0,
      number: at,
      tag: `v${String(at).padStart(7, '0')}`,
    })),
    ...names.map((name, at) => ({ repositoryId: ids.get(name) ?? 0, number: tags + at, tag: 'latest' })),
  ]
  for (let at = 0; at < images.length; at += BATCH) {
    await insertImages(database, images.slice(at, at + BATCH))
  }
}

async function insertRepositories(
  { transaction, read }: Database<MetadataSchema>,
  names: readonly string[],
): Promise<Map<string, number>> {
  for (let at = 0; at < names.length; at += ROWS) {
    const rows = names.slice(at, at + ROWS).map((name) => ({ name, created_at: 0 }))
    await transaction((tx) => tx.insertInto('repositories').values(rows).execute())
  }
  const rows = await read.selectFrom('repositories').select(['id', 'name']).execute()
  return new Map(rows.map(({ id, name }) => [name, id]))
}

function toDigest(kind: string, number: number): string {
  return `sha256:${kind}${number.toString(16).padStart(64 - kind.length, '0')}`
}

function layersOf({ number }: SeededImage): { digest: string; size: number }[] {
  const shared = Array.from({ length: LAYERS.shared }, (_, at) => ({
    digest: toDigest('a', at),
    size: 1_000,
  }))
  const own = Array.from({ length: LAYERS.own }, (_, at) => ({
    digest: toDigest('b', number * LAYERS.own + at),
    size: 10_000 + (number % 997),
  }))
  return [...shared, ...own]
}

async function insertImages(
  { transaction }: Database<MetadataSchema>,
  images: readonly SeededImage[],
): Promise<void> {
  const manifest = Buffer.alloc(500)
  const layers = images.flatMap((image) => layersOf(image).map((layer) => ({ image, ...layer })))
  const tables = {
    blobs: [
      ...images.map(({ number }) => ({ digest: toDigest('c', number), size: 500, created_at: 0 })),
      ...layers.map(({ digest, size }) => ({ digest, size, created_at: 0 })),
    ],
    repository_blobs: layers.map(({ image, digest }) => ({
      repository_id: image.repositoryId,
      digest,
      created_at: 0,
      used_at: 0,
    })),
    manifests: images.map(({ repositoryId, number }) => ({
      repository_id: repositoryId,
      digest: toDigest('c', number),
      media_type: MANIFEST_TYPE,
      artifact_type: null,
      subject: null,
      annotations: null,
      size: 500,
      bytes: manifest,
      created_at: 0,
    })),
    manifest_references: layers.map(({ image, digest }) => ({
      repository_id: image.repositoryId,
      manifest_digest: toDigest('c', image.number),
      kind: 'blob' as const,
      digest,
    })),
    tags: images.map(({ repositoryId, number, tag }) => ({
      repository_id: repositoryId,
      digest: toDigest('c', number),
      name: tag,
      updated_at: 0,
      started_at: 0,
      started_by: null,
    })),
  }
  await transaction(async (tx) => {
    for (const [table, rows] of Object.entries(tables) as ['blobs', (typeof tables)['blobs']][]) {
      for (let at = 0; at < rows.length; at += ROWS) {
        await tx
          .insertInto(table)
          .values(rows.slice(at, at + ROWS))
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
    }
  })
}
