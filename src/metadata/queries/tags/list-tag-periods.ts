import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { TagPeriod } from '../../restore-facts.ts'
import { findRepositoryId, type Reads } from '../repositories.ts'

/** Present and ended periods of one tag, or of all tags of a repository, the latest first. */
export async function listTagPeriods(
  db: Reads,
  repository: RepositoryName,
  { tag, limit }: { tag?: Tag | undefined; limit: number },
): Promise<TagPeriod[] | undefined> {
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return undefined
  let present = db.selectFrom('tags').selectAll().where('repository_id', '=', id)
  let ended = db.selectFrom('tag_history').selectAll().where('repository_id', '=', id)
  if (tag !== undefined) {
    present = present.where('name', '=', tag)
    ended = ended.where('name', '=', tag)
  }
  const now = await present.orderBy('updated_at', 'desc').limit(limit).execute()
  const before = await ended.orderBy('id', 'desc').limit(limit).execute()
  return [
    ...now.map((row) => ({
      name: row.name as Tag,
      digest: row.digest as Digest,
      from: new Date(row.started_at ?? row.updated_at),
      by: row.started_by ?? undefined,
      end: undefined,
    })),
    ...before.map((row) => ({
      name: row.name as Tag,
      digest: row.digest as Digest,
      from: new Date(row.started_at),
      by: row.started_by ?? undefined,
      end: { at: new Date(row.ended_at), by: row.ended_by ?? undefined, how: row.ended_how },
    })),
  ].slice(0, limit)
}
