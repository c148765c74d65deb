import { RUNNING_KEPT_MS } from '../in-use-facts.ts'
import { describePin } from '../queries/in-use/find-in-use.ts'
import type { Reads } from '../queries/repositories.ts'

/** A manifest without a tag that is kept because it is in use. */
interface KeptInUse {
  readonly repository: string
  readonly digest: string
  /** For people. */
  readonly why: string
}

/** Manifests that no tag names and that are pinned, or that a container runs; at most `limit` of each. */
export async function listInUse(
  db: Reads,
  { limit, now }: { limit: number; now: number },
): Promise<KeptInUse[]> {
  const pinned = await db
    .selectFrom('pins')
    .innerJoin('repositories', 'repositories.id', 'pins.repository_id')
    .leftJoin('tags', (join) =>
      join.onRef('tags.repository_id', '=', 'pins.repository_id').onRef('tags.digest', '=', 'pins.digest'),
    )
    .select(['repositories.name', 'pins.digest', 'pins.reason'])
    .where('tags.name', 'is', null)
    .orderBy('repositories.name')
    .orderBy('pins.digest')
    .limit(limit)
    .execute()
  const running = await db
    .selectFrom('running_images')
    .innerJoin('repositories', 'repositories.name', 'running_images.repository')
    .innerJoin('manifests', (join) =>
      join
        .onRef('manifests.repository_id', '=', 'repositories.id')
        .onRef('manifests.digest', '=', 'running_images.digest'),
    )
    .leftJoin('tags', (join) =>
      join
        .onRef('tags.repository_id', '=', 'manifests.repository_id')
        .onRef('tags.digest', '=', 'manifests.digest'),
    )
    .select(['repositories.name', 'manifests.digest', 'containers', 'host'])
    .where('tags.name', 'is', null)
    .where('seen_at', '>', now - RUNNING_KEPT_MS)
    .orderBy('repositories.name')
    .orderBy('manifests.digest')
    .limit(limit)
    .execute()
  return [
    ...pinned.map(({ name, digest, reason }) => ({ repository: name, digest, why: describePin(reason) })),
    ...running.map(({ name, digest, containers, host }) => ({
      repository: name,
      digest,
      why: `runs in ${containers} on ${host}`,
    })),
  ]
}
