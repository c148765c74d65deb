import { RUNNING_KEPT_MS } from '../../in-use-facts.ts'
import type { Reads } from '../repositories.ts'

/** Why a manifest is in use. */
interface InUse {
  /** For people. */
  readonly why: string
  /** Time in milliseconds until which it is so for sure; undefined: until it is unpinned. */
  readonly until: number | undefined
  /** False: a container runs it, which forbids no deletion. */
  readonly isPinned: boolean
}

/** Manifests of one repository, which may be in the trash; at most 1,000. */
interface Manifests {
  readonly repositoryId: number
  readonly digests: readonly string[]
  readonly now: number
}

/** Those of the manifests that are pinned, or that a container runs, by digest. */
export async function findInUse(db: Reads, manifests: Manifests): Promise<Map<string, InUse>> {
  if (manifests.digests.length === 0) return new Map()
  const running = await findRunning(db, manifests)
  return new Map([...running, ...(await findPins(db, manifests))])
}

/** Those of the manifests that are pinned. */
async function findPins(
  db: Reads,
  { repositoryId, digests }: Pick<Manifests, 'repositoryId' | 'digests'>,
): Promise<[string, InUse][]> {
  const rows = await db
    .selectFrom('pins')
    .select(['digest', 'reason'])
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .execute()
  return rows.map(({ digest, reason }) => [
    digest,
    { why: describePin(reason), until: undefined, isPinned: true },
  ])
}

/** Text about a pin for people. */
export function describePin(reason: string | null): string {
  return reason === null ? 'pinned' : `pinned: ${reason}`
}

/** Those of the manifests that a container runs. */
async function findRunning(
  db: Reads,
  { repositoryId, digests, now }: Manifests,
): Promise<Map<string, InUse>> {
  const rows = await db
    .selectFrom('running_images')
    .innerJoin('repositories', (join) =>
      join.on((eb) =>
        eb(
          'running_images.repository',
          '=',
          eb.fn.coalesce('repositories.trashed_name', 'repositories.name'),
        ),
      ),
    )
    .select(['digest', 'containers', 'host', 'seen_at'])
    .where('repositories.id', '=', repositoryId)
    .where('digest', 'in', digests)
    .where('seen_at', '>', now - RUNNING_KEPT_MS)
    .orderBy('seen_at')
    .execute()
  return new Map(
    rows.map(({ digest, containers, host, seen_at }) => [
      digest,
      { why: `runs in ${containers} on ${host}`, until: seen_at + RUNNING_KEPT_MS, isPinned: false },
    ]),
  )
}
