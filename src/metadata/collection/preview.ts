import type { CollectionPolicy, DueItem, Kept, Previewed } from '../collection-facts.ts'
import { betweenBatches } from '../queries/between-batches.ts'
import type { Reads } from '../queries/repositories.ts'
import { judgeBlob } from './looks/look-at-blob.ts'
import { judgeLink } from './looks/look-at-link.ts'
import { judgeManifest } from './looks/look-at-manifest.ts'
import { judgeRepository } from './looks/look-at-repository.ts'
import { judgeTrashed } from './looks/look-at-trashed.ts'
import type { Look } from './looks/look-terms.ts'
import { measureRemovals } from './measure-removals.ts'

/** Entries judged side by side: enough for a database on the network, whose answers take longer than its work. */
const AT_ONCE = 8

const JUDGES: Readonly<Record<DueItem['kind'], (db: Reads, look: Look) => Promise<Kept | undefined>>> = {
  repository: judgeRepository,
  trashed: judgeTrashed,
  manifest: judgeManifest,
  link: judgeLink,
  blob: judgeBlob,
}

/** Judges entries as looks at them do, by the same reads. */
export async function judge(
  db: Reads,
  items: readonly Pick<DueItem, 'kind' | 'repositoryId' | 'digest'>[],
  terms: { policy: CollectionPolicy; now: number },
): Promise<(Kept | undefined)[]> {
  const judged: (Kept | undefined)[] = []
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const some = items.slice(at, at + AT_ONCE)
    judged.push(
      ...(await Promise.all(
        some.map(({ kind, repositoryId, digest }) => JUDGES[kind](db, { repositoryId, digest, ...terms })),
      )),
    )
    // A database within the process answers at once: others are served in between.
    await betweenBatches()
  }
  return judged
}

/** Judges entries, and measures what would be removed. */
export async function preview(
  db: Reads,
  items: readonly DueItem[],
  terms: { policy: CollectionPolicy; now: number },
): Promise<Previewed[]> {
  const judged = await judge(db, items, terms)
  const sizes = await measureRemovals(
    db,
    items.filter((_, at) => judged[at] === undefined),
  )
  return items.map((item, at) => ({ item, kept: judged[at], bytes: sizes.get(item) ?? 0 }))
}
