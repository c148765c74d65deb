import { kysely } from '../../database/kysely.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findRetention, isSameRetention } from '../../policies/find-retention.ts'
import type { PolicyDocument } from '../../policies/policy-document.ts'
import type { Reads } from '../queries/repositories.ts'
import type { RetentionBasis } from '../retention-facts.ts'

/** Ends of tags that are looked at again: PostgreSQL may commit them in another order than that of their numbers. */
const OVERLAP = 200

/** The number of the last tag that has ended, in whatever repository; 0 if there is none. */
export async function findHistoryEnd(db: Reads): Promise<number> {
  const row = await db
    .selectFrom('tag_history')
    .select('id')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.id ?? 0
}

/** Why no decision about a repository holds any more; undefined: they do. */
export async function findOutdated(
  db: Reads,
  {
    repository,
    repositoryId,
    document,
    basis,
  }: {
    repository: RepositoryName
    repositoryId: number
    document: PolicyDocument
    basis: RetentionBasis
  },
): Promise<string | undefined> {
  if (!isSameRetention(findRetention(document, repository), basis.aspect)) {
    return 'its policy was changed meanwhile'
  }
  const deleted = await db
    .selectFrom('tag_history')
    .select('name')
    .where('id', '>', basis.historyEnd - OVERLAP)
    // Not by the index of the repository: its ends may be many, and those since the last transaction are few.
    .where(kysely.sql<boolean>`repository_id + 0 = ${repositoryId}`)
    .where('ended_how', 'in', ['deleted', 'manifest-deleted'])
    .where((eb) => eb.or([eb('id', '>', basis.historyEnd), eb('ended_at', '>', basis.decidedAt)]))
    .limit(1)
    .executeTakeFirst()
  return deleted && `its tag ${deleted.name} was deleted meanwhile`
}
