import { recordEvent } from '../../../events/record-event.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { enqueue } from '../collection-queue.ts'
import { refusePins } from '../in-use/refuse-pinned.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import { findHeldRepository, type Writes } from '../repositories.ts'
import { refuseImmutableTags } from '../tags/refuse-immutable.ts'

/**
 * Moves a repository with all it holds to the trash, and ends its upload sessions; false if there is none with content.
 * Its row gets a name that no repository can have: so no query finds it by its name, whatever its content, and a new
 * repository may have that name. Errors: `DENIED` if a policy makes one of its tags
 * immutable, or one of its manifests is pinned.
 */
export async function trashRepository(
  tx: Writes,
  {
    repository,
    by,
    policies,
    now,
  }: { repository: RepositoryName; by?: string | undefined; policies: PolicyReader; now: number },
): Promise<boolean> {
  const id = await requireDeletable(tx, { repository, policies })
  if (id === undefined) return false
  await tx.deleteFrom('uploads').where('repository', '=', repository).execute()
  await trashRow(tx, { id, name: repository, by, now })
  await recordEvent(tx, { action: 'repository.delete', who: by, repository }, now)
  return true
}

/**
 * Finds a repository with content, undefined if there is none. Errors: `DENIED` if a policy makes one of its tags
 * immutable, or one of its manifests is pinned.
 */
export async function requireDeletable(
  tx: Writes,
  { repository, policies }: { repository: RepositoryName; policies: PolicyReader },
): Promise<number | undefined> {
  const id = await findHeldRepository(tx, repository)
  if (id === undefined) return undefined
  await refuseImmutableTags(tx, policies, { repository, repositoryId: id })
  await refusePins(tx, { repository, repositoryId: id })
  return id
}

/**
 * Takes a repository out of the trash under a name. False if another one with content has that name; one without
 * content goes to the trash in its place, as it may have tags and manifests to restore.
 */
export async function untrashRepository(
  tx: Writes,
  { id, name, by, now }: { id: number; name: RepositoryName; by?: string | undefined; now: number },
): Promise<boolean> {
  if ((await findHeldRepository(tx, name)) !== undefined) return false
  const empty = await tx.selectFrom('repositories').select('id').where('name', '=', name).executeTakeFirst()
  if (empty) await trashRow(tx, { id: empty.id, name, by, now })
  await tx
    .updateTable('repositories')
    .set({ name, trashed_name: null, trashed_at: null, trashed_by: null })
    .where('id', '=', id)
    .execute()
  await tx
    .deleteFrom('collection_queue')
    .where('kind', '=', 'repository')
    .where('repository_id', '=', id)
    .execute()
  return true
}

async function trashRow(
  tx: Writes,
  { id, name, by, now }: { id: number; name: RepositoryName; by?: string | undefined; now: number },
): Promise<void> {
  await tx
    .updateTable('repositories')
    .set({ name: `${name}@${id}`, trashed_name: name, trashed_at: now, trashed_by: by ?? null })
    .where('id', '=', id)
    .execute()
  await enqueue(tx, [{ kind: 'repository', repositoryId: id, digest: '' }], { since: now, reason: 'deleted' })
}
