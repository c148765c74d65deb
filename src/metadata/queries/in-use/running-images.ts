import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import {
  type ContainerEngine,
  type InUseFacts,
  RUNNING_KEPT_MS,
  type RunningImage,
} from '../../in-use-facts.ts'
import { betweenBatches } from '../between-batches.ts'
import type { Reads, Writes } from '../repositories.ts'
import { type EndedImage, queueEnded } from './queue-ended.ts'

/** Rows written at once, between which other requests are served. */
const BATCH = 500

/**
 * Replaces the rows of an engine, and removes those of engines that are gone for good. Images that have ended are queued
 * for collection.
 */
export async function recordRunning(
  tx: Writes,
  { engine, images, now }: { engine: ContainerEngine; images: readonly RunningImage[]; now: number },
): Promise<void> {
  const former = await tx
    .deleteFrom('running_images')
    .where((eb) => eb.or([eb('engine', '=', engine.id), eb('seen_at', '<=', now - RUNNING_KEPT_MS)]))
    .returning(['repository', 'digest'])
    .execute()
  const keyOf = ({ repository, digest }: EndedImage): string => `${repository}@${digest}`
  const present = new Set(images.map(keyOf))
  const ended = former.filter((image) => !present.has(keyOf(image)))
  await queueEnded(tx, ended, now)
  for (let at = 0; at < images.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    const rows = images.slice(at, at + BATCH).map(({ repository, digest, containers }) => ({
      engine: engine.id,
      host: engine.host,
      repository,
      digest,
      containers,
      seen_at: now,
    }))
    await tx
      .insertInto('running_images')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}

/** Images that run. */
export async function listRunning(
  db: Reads,
  { limit, now }: { limit: number; now: number },
): ReturnType<InUseFacts['listRunning']> {
  const rows = await db
    .selectFrom('running_images')
    .select(['repository', 'digest', 'containers', 'host', 'seen_at'])
    .where('seen_at', '>', now - RUNNING_KEPT_MS)
    .orderBy('repository')
    .orderBy('digest')
    .orderBy('engine')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    repository: row.repository as RepositoryName,
    digest: row.digest as Digest,
    containers: row.containers,
    host: row.host,
    seenAt: new Date(row.seen_at),
  }))
}
