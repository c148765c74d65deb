import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { MANIFEST_TYPE } from './push-image.ts'

/** Rows to make in the database of a stopped Berth. */
interface SeedOptions {
  readonly dataDir: string
  readonly repository: string
  /** Manifests, and as many tags. */
  readonly count: number
  /** Age of the rows, in milliseconds; 0 by default. */
  readonly ageMs?: number
}

/** Stands for the bytes of each manifest, with about the length of a real one. */
const MANIFEST = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, note: 'x'.repeat(400) })

/**
 * Writes manifests and tags as rows, because a million of them by HTTP would take an hour. Their digests are numbers, not
 * hashes, so they can be listed and counted, not pulled.
 */
export function seedTags({ dataDir, repository, count, ageMs = 0 }: SeedOptions): void {
  const database = new DatabaseSync(join(dataDir, 'berth.db'))
  try {
    // Not durable: the rows are of no value.
    database.exec('pragma synchronous = off; begin')
    const now = Date.now() - ageMs
    const { lastInsertRowid: id } = database
      .prepare('insert into repositories (name, created_at) values (?, ?)')
      .run(repository, now)
    const numbers = 'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?)'
    const digest = `'sha256:' || printf('%064x', n)`
    database
      .prepare(
        `${numbers} insert into manifests (repository_id, digest, media_type, size, bytes, created_at)
         select ?, ${digest}, ?, ?, ?, ? from numbers`,
      )
      .run(count, id, MANIFEST_TYPE, MANIFEST.length, Buffer.from(MANIFEST), now)
    database
      .prepare(
        `${numbers} insert into tags (repository_id, name, digest, updated_at)
         select ?, 'v' || printf('%07d', n), ${digest}, ? from numbers`,
      )
      .run(count, id, now)
    database.exec('commit; pragma wal_checkpoint(truncate)')
  } finally {
    database.close()
  }
}
