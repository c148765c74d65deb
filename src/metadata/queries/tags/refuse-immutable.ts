import { OciError } from '../../../oci/errors.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { findImmutableTags, type ImmutableTags } from '../../../policies/immutable-tags.ts'
import type { PolicyDocument } from '../../../policies/policy-document.ts'
import { betweenBatches } from '../between-batches.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import type { Writes } from '../repositories.ts'

/** Tags read at once, between which other requests are served. */
const BATCH = 1_000
/** Tags that an error names. */
const MAX_NAMED = 5

const CHANGE_POLICY =
  '"berth policy export" prints the policies, and "berth policy apply FILE" puts changed ones in force'

/** Tags of a repository: all, or those that point at one manifest. */
interface TagsOf {
  readonly repository: RepositoryName
  readonly repositoryId: number
  readonly digest?: string
}

/** Refuses a change of one tag if a policy makes it immutable. Errors: `DENIED`. */
export function refuseImmutableTag(
  document: PolicyDocument,
  { repository, tag, change }: { repository: RepositoryName; tag: string; change: 'moved' | 'removed' },
): void {
  const immutable = findImmutableTags(document, repository)
  const pattern = immutable?.findPattern(tag)
  if (immutable === undefined || pattern === undefined) return
  const way = change === 'moved' ? 'Push under another tag' : 'Keep it'
  throw new OciError('DENIED', {
    message: `The tag ${tag} of ${repository} is immutable: ${describe(immutable, pattern)}. ${way}, or let an operator change that policy`,
    detail: { reason: 'immutable', repository, tag, pattern },
    remedy: CHANGE_POLICY,
  })
}

/** Refuses the removal of tags if a policy makes any of them immutable. Errors: `DENIED`, with their number. */
export async function refuseImmutableTags(
  tx: Writes,
  policies: PolicyReader,
  { repository, repositoryId, digest }: TagsOf,
): Promise<void> {
  const immutable = findImmutableTags(await policies.read(tx), repository)
  if (!immutable) return
  const found = await findImmutable(tx, { repositoryId, digest }, immutable)
  const [first] = found.names
  if (first === undefined) return
  const names = found.names.join(', ')
  const more = found.count > found.names.length ? `, and ${found.count - found.names.length} more` : ''
  const subject = digest === undefined ? repository : `The manifest ${digest} of ${repository}`
  const tags = found.count === 1 ? 'an immutable tag' : `${found.count} immutable tags`
  const why = describe(immutable, immutable.findPattern(first) ?? '')
  throw new OciError('DENIED', {
    message: `${subject} has ${tags} (${names}${more}): ${why}. Keep it, or let an operator change that policy`,
    detail: { reason: 'immutable', repository, tags: found.names, count: found.count },
    remedy: CHANGE_POLICY,
  })
}

function describe({ repositories }: ImmutableTags, pattern: string): string {
  return `the policy for ${repositories} protects ${pattern}`
}

async function findImmutable(
  tx: Writes,
  { repositoryId, digest }: { repositoryId: number; digest: string | undefined },
  immutable: ImmutableTags,
): Promise<{ count: number; names: string[] }> {
  const names: string[] = []
  let count = 0
  let last = ''
  for (;;) {
    let query = tx
      .selectFrom('tags')
      .select('name')
      .where('repository_id', '=', repositoryId)
      .where('name', '>', last)
    if (digest !== undefined) query = query.where('digest', '=', digest)
    const rows = await query.orderBy('name').limit(BATCH).execute()
    for (const { name } of rows) {
      if (immutable.findPattern(name) === undefined) continue
      count++
      if (names.length < MAX_NAMED) names.push(name)
    }
    last = rows.at(-1)?.name ?? last
    if (rows.length < BATCH) return { count, names }
    await betweenBatches()
  }
}
