import type { DueItem, LookOutcome } from '../../collection-facts.ts'
import type { Writes } from '../../queries/repositories.ts'
import { waitOf } from '../due-items.ts'
import { lookAtBlob } from './look-at-blob.ts'
import { lookAtLink } from './look-at-link.ts'
import { lookAtManifest } from './look-at-manifest.ts'
import { lookAtRepository } from './look-at-repository.ts'
import { lookAtTrashed } from './look-at-trashed.ts'
import type { Look } from './look-terms.ts'

const LOOKS: Readonly<Record<DueItem['kind'], (tx: Writes, look: Look) => Promise<LookOutcome>>> = {
  repository: lookAtRepository,
  trashed: lookAtTrashed,
  manifest: lookAtManifest,
  link: lookAtLink,
  blob: lookAtBlob,
}

/** Looks at an entry, removes the facts of what is no longer needed, and keeps the queue in step. */
export async function look(
  tx: Writes,
  { kind, repositoryId, digest }: Pick<DueItem, 'kind' | 'repositoryId' | 'digest'>,
  terms: Pick<Look, 'policy' | 'now'>,
): Promise<LookOutcome> {
  const outcome = await LOOKS[kind](tx, { repositoryId, digest, ...terms })
  if (outcome.kind === 'postponed') {
    await tx
      .updateTable('collection_queue')
      .set({ since: outcome.until.getTime() - waitOf(kind, terms.policy) })
      .where('kind', '=', kind)
      .where('repository_id', '=', repositoryId)
      .where('digest', '=', digest)
      .execute()
  }
  if (outcome.kind === 'kept' || outcome.kind === 'removed') {
    await tx
      .deleteFrom('collection_queue')
      .where('kind', '=', kind)
      .where('repository_id', '=', repositoryId)
      .where('digest', '=', digest)
      .execute()
  }
  return outcome
}
