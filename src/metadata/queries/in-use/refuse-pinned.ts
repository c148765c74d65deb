import { OciError } from '../../../oci/errors.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { Reads, Writes } from '../repositories.ts'
import { describePin } from './find-in-use.ts'

/** Digests that an error names. */
const MAX_NAMED = 3

/** A manifest, by itself or as that of a tag. */
interface Pinnable {
  readonly repository: RepositoryName
  readonly repositoryId: number
  readonly digest: string
  readonly tag?: string
}

/** Refuses the removal of a pinned manifest, or of a tag that points at one. Errors: `DENIED`. */
export async function refusePinned(
  tx: Writes,
  { repository, repositoryId, digest, tag }: Pinnable,
): Promise<void> {
  const pin = await tx
    .selectFrom('pins')
    .select('reason')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!pin) return
  const subject =
    tag === undefined
      ? `The manifest ${digest} of ${repository} is`
      : `The tag ${tag} of ${repository} points at a manifest that is`
  throw new OciError('DENIED', {
    message: `${subject} ${describePin(pin.reason)}. Keep it, or let an operator unpin it`,
    detail: { reason: 'pinned', repository, digest, ...(tag === undefined ? {} : { tag }) },
    remedy: `"berth tag unpin ${repository} ${digest}" unpins it`,
  })
}

/** Refuses the removal of a repository with pinned manifests. Errors: `DENIED`, with their number. */
export async function refusePins(
  tx: Writes,
  { repository, repositoryId }: Pick<Pinnable, 'repository' | 'repositoryId'>,
): Promise<void> {
  const { count } = await pinsOf(tx, repositoryId)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (Number(count) === 0) return
  const first = await pinsOf(tx, repositoryId).select('digest').orderBy('digest').limit(MAX_NAMED).execute()
  const digests = first.map(({ digest }) => digest)
  const more = Number(count) > digests.length ? `, and ${Number(count) - digests.length} more` : ''
  const manifests = Number(count) === 1 ? 'a pinned manifest' : `${count} pinned manifests`
  throw new OciError('DENIED', {
    message: `${repository} has ${manifests} (${digests.join(', ')}${more}). Keep it, or let an operator unpin them`,
    detail: { reason: 'pinned', repository, digests, count: Number(count) },
    remedy: `"berth tag pins ${repository}" lists them, and "berth tag unpin ${repository} DIGEST" unpins one`,
  })
}

function pinsOf(db: Reads, repositoryId: number) {
  return db.selectFrom('pins').where('repository_id', '=', repositoryId)
}
