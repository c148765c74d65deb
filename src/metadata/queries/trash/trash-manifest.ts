import { betweenBatches } from '../between-batches.ts'
import { enqueue } from '../collection-queue.ts'
import type { Writes } from '../repositories.ts'

/** References moved at once, between which other requests are served. */
const BATCH = 500

const MANIFEST_COLUMNS = [
  'repository_id',
  'digest',
  'media_type',
  'artifact_type',
  'subject',
  'annotations',
  'size',
  'created_at',
  'bytes',
] as const

/** A manifest of a repository. */
interface ManifestKey {
  readonly repositoryId: number
  readonly digest: string
}

/** Moves a manifest without tags to the trash, where its content is still needed. A copy of it that is there is replaced. */
export async function trashManifest(
  tx: Writes,
  { repositoryId, digest, by, now }: ManifestKey & { by?: string | undefined; now: number },
): Promise<void> {
  await tx
    .deleteFrom('trashed_manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  await tx
    .insertInto('trashed_manifests')
    .columns([...MANIFEST_COLUMNS, 'trashed_at', 'trashed_by', 'expires_after'])
    .expression((eb) =>
      eb
        .selectFrom('manifests')
        .select(MANIFEST_COLUMNS)
        .select((row) => [row.val(now).as('trashed_at'), row.val(by ?? null).as('trashed_by')])
        .select((row) =>
          row
            .selectFrom('manifest_uses')
            .select('expires_after')
            .where('manifest_uses.repository_id', '=', repositoryId)
            .where('manifest_uses.digest', '=', digest)
            .as('expires_after'),
        )
        .where('repository_id', '=', repositoryId)
        .where('digest', '=', digest),
    )
    .execute()
  await moveReferences(
    tx,
    { repositoryId, digest },
    { from: 'manifest_references', to: 'trashed_references' },
  )
  await tx
    .deleteFrom('manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  await enqueue(tx, [{ kind: 'trashed', repositoryId, digest }], { since: now, reason: 'deleted' })
}

/** Moves a manifest out of the trash; false if it is not there. One that was pushed again meanwhile stays as it is. */
export async function untrashManifest(tx: Writes, { repositoryId, digest }: ManifestKey): Promise<boolean> {
  const trashed = await tx
    .selectFrom('trashed_manifests')
    .select('expires_after')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!trashed) return false
  await tx
    .insertInto('manifests')
    .columns(MANIFEST_COLUMNS)
    .expression((eb) =>
      eb
        .selectFrom('trashed_manifests')
        .select(MANIFEST_COLUMNS)
        .where('repository_id', '=', repositoryId)
        .where('digest', '=', digest),
    )
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing())
    .execute()
  await moveReferences(
    tx,
    { repositoryId, digest },
    { from: 'trashed_references', to: 'manifest_references' },
  )
  await tx
    .deleteFrom('trashed_manifests')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .execute()
  const { expires_after } = trashed
  if (expires_after === null) return true
  await tx
    .insertInto('manifest_uses')
    .values({ repository_id: repositoryId, digest, used_at: 0, expires_after })
    .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doUpdateSet({ expires_after }))
    .execute()
  return true
}

type ReferenceTable = 'manifest_references' | 'trashed_references'

async function moveReferences(
  tx: Writes,
  { repositoryId, digest }: ManifestKey,
  { from, to }: { from: ReferenceTable; to: ReferenceTable },
): Promise<void> {
  for (;;) {
    const moved = await tx
      .deleteFrom(from)
      .where('repository_id', '=', repositoryId)
      .where('manifest_digest', '=', digest)
      .where('digest', 'in', (query) =>
        query
          .selectFrom(from)
          .select('digest')
          .where('repository_id', '=', repositoryId)
          .where('manifest_digest', '=', digest)
          .limit(BATCH),
      )
      .returningAll()
      .execute()
    if (moved.length > 0) {
      await tx
        .insertInto(to)
        .values(moved)
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
    if (moved.length < BATCH) return
    await betweenBatches()
  }
}
