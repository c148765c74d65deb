import { recordEvent } from '../../events/record-event.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findImmutableTags, type ImmutableTags } from '../../policies/immutable-tags.ts'
import { findCompanionSubject } from '../../policies/retention/companion-tag.ts'
import type { PolicyReader } from '../queries/policies/policy-reader.ts'
import { findRepositoryId, type Writes } from '../queries/repositories.ts'
import { expirePeriods } from '../queries/tags/expire-periods.ts'
import type { ExpiredTags, ExpiringImage, RetentionBasis, SparedImage } from '../retention-facts.ts'
import { findHistoryEnd, findOutdated } from './find-outdated.ts'
import { findProtected } from './find-protected.ts'
import { findStored } from './list-retained.ts'

/** Facts about images as they are within the transaction, by digest and by name. */
interface Present {
  readonly counts: ReadonlyMap<string, number>
  readonly pulls: ReadonlyMap<string, number | null>
  readonly tags: ReadonlyMap<string, { readonly digest: string; readonly updated_at: number }>
  /** Images to which tags belong by their names, such as those of signatures. */
  readonly subjects: ReadonlySet<string>
}

/**
 * Ends tags whose images are as they were when that was decided. An image with a new tag, pull or push keeps all of them:
 * the next run decides about it again.
 */
export async function expireTags(
  tx: Writes,
  {
    repository,
    images,
    basis,
    policies,
    now,
  }: {
    repository: RepositoryName
    images: readonly ExpiringImage[]
    basis: RetentionBasis
    policies: PolicyReader
    now: number
  },
): Promise<ExpiredTags> {
  const nothing = { ended: [], spared: [], historyEnd: basis.historyEnd }
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return { ...nothing, outdated: 'it was deleted meanwhile' }
  const document = await policies.read(tx)
  const outdated = await findOutdated(tx, { repository, repositoryId, document, basis })
  if (outdated !== undefined) return { ...nothing, outdated }
  const present = await readPresent(tx, { repository, repositoryId, images })
  const immutable = findImmutableTags(document, repository)
  const digests = images.map(({ digest }) => digest)
  const inUse = await findProtected(tx, { repository, digests, now })
  const spared: SparedImage[] = []
  const ending: { name: Tag; by: string }[] = []
  for (const image of images) {
    const why = findChange(image, present) ?? findImmutable(image, immutable) ?? inUse.get(image.digest)
    if (why === undefined) ending.push(...image.tags)
    else spared.push({ digest: image.digest, why })
  }
  await expirePeriods(tx, { repositoryId, now }, ending)
  const tags = ending.map(({ name }) => ({ name }))
  if (tags.length > 0) await recordEvent(tx, { action: 'tag.expire', repository, tags }, now)
  const historyEnd = await findHistoryEnd(tx)
  return { ended: ending.map(({ name }) => name), spared, historyEnd, outdated: undefined }
}

function findImmutable({ tags }: ExpiringImage, immutable: ImmutableTags | undefined): string | undefined {
  const tag = tags.find(({ name }) => immutable?.findPattern(name) !== undefined)
  return tag && `its tag ${tag.name} is immutable`
}

async function readPresent(
  tx: Writes,
  {
    repository,
    repositoryId,
    images,
  }: { repository: RepositoryName; repositoryId: number; images: readonly ExpiringImage[] },
): Promise<Present> {
  const digests = images.map(({ digest }) => digest)
  const names = images.flatMap(({ tags }) => tags.map(({ name }) => name))
  const counts = await tx
    .selectFrom('tags')
    .select(({ fn }) => ['digest', fn.countAll<number>().as('count')])
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .groupBy('digest')
    .execute()
  const tags = await tx
    .selectFrom('tags')
    .select(['name', 'digest', 'updated_at'])
    .where('repository_id', '=', repositoryId)
    .where('name', 'in', names)
    .execute()
  const pulls = await tx
    .selectFrom('manifest_uses')
    .select(['digest', 'pulled_at'])
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', digests)
    .execute()
  const subjects = [...new Set(names.flatMap((name) => findCompanionSubject(name) ?? []))]
  return {
    subjects: subjects.length === 0 ? new Set() : await findStored(tx, repository, subjects),
    counts: new Map(counts.map(({ digest, count }) => [digest, Number(count)])),
    tags: new Map(tags.map((row) => [row.name, row])),
    pulls: new Map(pulls.map((row) => [row.digest, row.pulled_at])),
  }
}

/** Why the decision about an image no longer holds; undefined: it does. */
function findChange(image: ExpiringImage, { counts, tags, pulls, subjects }: Present): string | undefined {
  const { digest, pulledAt, tagCount } = image
  for (const { name, pushedAt } of image.tags) {
    const tag = tags.get(name)
    if (tag?.digest !== digest) return `its tag ${name} was moved or deleted meanwhile`
    if (tag.updated_at !== pushedAt) return `its tag ${name} was pushed again meanwhile`
    if (subjects.has(findCompanionSubject(name) ?? '')) return `the image of ${name} was pushed meanwhile`
  }
  if (counts.get(digest) !== tagCount) return 'it got or lost a tag meanwhile'
  if ((pulls.get(digest) ?? undefined) !== pulledAt) return 'it was pulled meanwhile'
  return undefined
}
