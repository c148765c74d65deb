import { recordEvent } from '../../../events/record-event.ts'
import type { ManifestRecord } from '../../metadata.ts'
import { betweenBatches } from '../between-batches.ts'
import { endQuarantine, replaceManifestBytes } from '../blob-damages.ts'
import { UNKNOWN_SIZE } from '../blob-removals.ts'
import { enqueue } from '../collection-queue.ts'
import { recordUses } from '../manifest-uses.ts'
import { allContent } from '../named-content.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import { ensureRepository, type Writes } from '../repositories.ts'
import { moveTag } from '../tags/tag-periods.ts'
import { recordExpiry } from './record-expiry.ts'

/** Rows in one insert: their values stay below 32766, the smallest bound that an engine has. */
const BATCH = 500

/** Writes a manifest with its references and tags; the same one again changes nothing but its tags. */
export async function insertManifest(
  tx: Writes,
  record: ManifestRecord,
  { policies, now }: { policies: PolicyReader; now: number },
): Promise<void> {
  const { repository, digest, bytes, by, tagRights } = record
  const repositoryId = await ensureRepository(tx, repository, now)
  await tx
    .insertInto('blobs')
    .values({ digest: record.digest, size: record.bytes.length, created_at: now })
    .onConflict((conflict) =>
      conflict
        .column('digest')
        .doUpdateSet({ size: record.bytes.length })
        .where('blobs.size', '=', UNKNOWN_SIZE),
    )
    .execute()
  const isMended = await endQuarantine(tx, { digest, size: bytes.length, how: 'pushed', now })
  await insertRow(tx, record, { repositoryId, now })
  // The rows of other repositories may hold the wrong bytes, too.
  if (isMended) await replaceManifestBytes(tx, digest, bytes)
  await insertReferences(tx, record, repositoryId)
  await recordUses(tx, repositoryId, { digests: [digest], at: now })
  await recordExpiry(tx, { ...record, repositoryId })
  const act = { repository, repositoryId, policies, now, by, rights: tagRights }
  const tags: { name: string; before: string | undefined }[] = []
  for (const name of record.tags) tags.push({ name, before: await moveTag(tx, act, { name, digest }) })
  if (record.tags.length === 0) {
    await enqueue(tx, [{ kind: 'manifest', repositoryId, digest }], { since: now, reason: 'untagged' })
  }
  const { mediaType } = record.manifest
  await recordEvent(
    tx,
    { action: 'manifest.push', who: by, repository, digest, mediaType, size: bytes.length, tags },
    now,
  )
}

async function insertRow(
  tx: Writes,
  record: ManifestRecord,
  { repositoryId, now }: { repositoryId: number; now: number },
): Promise<void> {
  const { manifest, bytes, digest } = record
  await tx
    .insertInto('manifests')
    .values({
      repository_id: repositoryId,
      digest,
      media_type: manifest.mediaType,
      artifact_type: manifest.artifactType ?? null,
      subject: manifest.subject?.digest ?? null,
      annotations: manifest.annotationsJson ?? null,
      size: bytes.length,
      bytes,
      created_at: now,
    })
    // Equal bytes can only differ in the type that the request named.
    .onConflict((conflict) =>
      conflict.columns(['repository_id', 'digest']).doUpdateSet({ media_type: manifest.mediaType }),
    )
    .execute()
}

async function insertReferences(tx: Writes, record: ManifestRecord, repositoryId: number): Promise<void> {
  const { blobs, manifests, either } = allContent(record.manifest)
  // Content that may be a blob or a manifest is recorded as both: it cannot be deleted before the index, whichever it
  // is.
  const rows = [
    ...[...blobs, ...either].map((digest) => ({ kind: 'blob' as const, digest })),
    ...[...manifests, ...either].map((digest) => ({ kind: 'child' as const, digest })),
  ].map((reference) => ({ ...reference, repository_id: repositoryId, manifest_digest: record.digest }))
  for (let at = 0; at < rows.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    await tx
      .insertInto('manifest_references')
      .values(rows.slice(at, at + BATCH))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}
