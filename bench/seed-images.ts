import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { blobFile } from '../test/support/content/blob-file.ts'
import { MANIFEST_TYPE } from './push-image.ts'

/** Layers of an image, beside its config: with the manifest eleven blobs. */
const LAYERS = 9
const BLOBS_PER_IMAGE: number = LAYERS + 2
/** Images of one repository. */
const PER_REPOSITORY = 200
/** Age of all rows, in milliseconds: more than anything is kept by default. */
const AGE_MS = 60 * 24 * 3_600_000
/** Images written in one transaction. */
const BATCH = 500

/** Content to make in the data of a stopped Berth. */
interface SeedOptions {
  readonly dataDir: string
  /** Blobs, each a file: some fewer, as images are whole. */
  readonly blobs: number
  /** Share of images that no tag names, and that are due. */
  readonly deadShare: number
}

/** A seeded image: what a client needs to name it. */
export interface SeededImage {
  readonly repository: string
  readonly tag: string
  readonly isDead: boolean
  readonly manifest: string
  readonly blobs: readonly string[]
}

/** Writes images as rows and files: pushing a million blobs takes hours. No two have a layer in common. */
export function seedImages({ dataDir, blobs, deadShare }: SeedOptions): SeededImage[] {
  using database = new DatabaseSync(join(dataDir, 'berth.db'))
  // Not durable: the rows are of no value.
  database.exec('pragma synchronous = off')
  const count = Math.floor(blobs / BLOBS_PER_IMAGE)
  const insert = prepareInserts(database, Date.now() - AGE_MS)
  const images: SeededImage[] = []
  let repositoryId = 0
  for (let at = 0; at < count; at++) {
    if (at % BATCH === 0) database.exec(at === 0 ? 'begin' : 'commit; begin')
    const repository = `bench/images-${Math.floor(at / PER_REPOSITORY)}`
    if (at % PER_REPOSITORY === 0) repositoryId = insert.repository(repository)
    const isDead = Math.floor((at + 1) * deadShare) > Math.floor(at * deadShare)
    const image = makeImage(dataDir, at)
    insert.image(repositoryId, { ...image, isDead, tag: `v${at}` })
    const names = image.contents.map(({ digest }) => digest)
    images.push({ repository, tag: `v${at}`, isDead, manifest: image.digest, blobs: names })
  }
  database.exec('commit; pragma wal_checkpoint(truncate)')
  return images
}

interface MadeImage {
  readonly digest: string
  readonly bytes: Buffer
  /** Config and layers. */
  readonly contents: readonly { readonly digest: string; readonly size: number }[]
}

function makeImage(root: string, number: number): MadeImage {
  const contents = Array.from({ length: LAYERS + 1 }, (_, at) => writeBlob(root, `${number} ${at}`))
  const type = 'application/vnd.oci.image'
  const [config, ...layers] = contents
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: `${type}.config.v1+json`, ...config },
      layers: layers.map((layer) => ({ mediaType: `${type}.layer.v1.tar`, ...layer })),
    }),
  )
  return { digest: writeBlob(root, bytes).digest, bytes, contents }
}

function writeBlob(root: string, bytes: string | Buffer): { digest: string; size: number } {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const path = blobFile(root, digest)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, bytes, { mode: 0o600 })
  return { digest, size: bytes.length }
}

function prepareInserts(database: DatabaseSync, at: number) {
  const prepare = (table: string, columns: readonly string[]): ((...values: SQLInputValue[]) => number) => {
    const marks = columns.map(() => '?').join(', ')
    const statement = database.prepare(`insert into ${table} (${columns.join(', ')}) values (${marks})`)
    return (...values) => Number(statement.run(...values).lastInsertRowid)
  }
  const blob = prepare('blobs', ['digest', 'size', 'created_at'])
  const link = prepare('repository_blobs', ['repository_id', 'digest', 'created_at'])
  const reference = prepare('manifest_references', ['repository_id', 'manifest_digest', 'kind', 'digest'])
  const manifest = prepare('manifests', [
    ...['repository_id', 'digest', 'media_type', 'size', 'bytes', 'created_at'],
  ])
  const tag = prepare('tags', ['repository_id', 'name', 'digest', 'updated_at'])
  const queue = prepare('collection_queue', ['kind', 'repository_id', 'digest', 'since', 'reason'])
  const repository = prepare('repositories', ['name', 'created_at'])
  return {
    repository: (name: string): number => repository(name, at),
    image(id: number, image: MadeImage & { readonly isDead: boolean; readonly tag: string }): void {
      const { digest, bytes, contents } = image
      blob(digest, bytes.length, at)
      manifest(id, digest, MANIFEST_TYPE, bytes.length, bytes, at)
      for (const content of contents) {
        blob(content.digest, content.size, at)
        link(id, content.digest, at)
        reference(id, digest, 'blob', content.digest)
      }
      if (image.isDead) queue('manifest', id, digest, at, 'untagged')
      else tag(id, image.tag, digest, at)
    },
  }
}
