import { kysely } from '../../database/kysely.ts'
import type { SchemaChange } from '../../database/migrations.ts'

/** Manifests read at once, each 4 MiB at most. */
const PAGE = 50
/** Types of layers that a client need not push. */
const OPTIONAL =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.|docker\.image\.rootfs\.foreign\.)/

interface Row {
  readonly digest: string
  readonly bytes: Uint8Array
}

/**
 * Records which manifests name layers that a client need not push: older versions did not, and where such a layer was
 * pushed, it is kept with its image. Only repositories with a blob that nothing names can have one.
 */
export async function recordOptionalLayers(db: SchemaChange): Promise<void> {
  const { sql } = kysely
  const { rows } = await sql<{ id: number }>`
    select distinct repository_id as id from repository_blobs
    where not exists (
      select 1 from manifest_references as named
      where named.repository_id = repository_blobs.repository_id and named.digest = repository_blobs.digest
    )`.execute(db)
  for (const { id } of rows) await recordIn(db, id)
}

async function recordIn(db: SchemaChange, id: number): Promise<void> {
  const { sql } = kysely
  let last = ''
  for (;;) {
    const { rows } = await sql<Row>`
      select digest, bytes from manifests where repository_id = ${id} and digest > ${last}
      order by digest limit ${sql.lit(PAGE)}`.execute(db)
    for (const row of rows) {
      for (const layer of new Set(findOptional(row.bytes))) {
        await sql`
          insert into manifest_references (repository_id, manifest_digest, kind, digest)
          values (${id}, ${row.digest}, 'blob', ${layer}) on conflict do nothing`.execute(db)
      }
    }
    last = rows.at(-1)?.digest ?? last
    if (rows.length < PAGE) return
  }
}

function findOptional(bytes: Uint8Array): string[] {
  const text = Buffer.from(bytes).toString()
  if (!/nondistributable|foreign/.test(text)) return []
  const { layers } = JSON.parse(text) as { layers?: readonly { mediaType?: unknown; digest?: unknown }[] }
  return (layers ?? [])
    .filter(({ mediaType }) => typeof mediaType === 'string' && OPTIONAL.test(mediaType))
    .map(({ digest }) => String(digest))
}
