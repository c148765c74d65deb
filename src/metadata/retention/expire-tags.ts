import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findImmutableTags, type ImmutableTags } from '../../policies/immutable-tags.ts'
import type { PolicyReader } from '../queries/policies/policy-reader.ts'
import { findRepositoryId, type Writes } from '../queries/repositories.ts'
import { expirePeriods } from '../queries/tags/expire-periods.ts'
import type { ExpiringImage, SparedImage } from '../retention-facts.ts'
import { findProtected } from './find-protected.ts'

/** Facts about images as they are within the transaction, by digest and by name. */
interface Present {
  readonly counts: ReadonlyMap<string, number>
  readonly pulls: ReadonlyMap<string, number | null>
  readonly tags: ReadonlyMap<string, { readonly digest: string; readonly updated_at: number }>
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
    policies,
    now,
  }: {
    repository: RepositoryName
    images: readonly ExpiringImage[]
    policies: PolicyReader
    now: number
  },
): Promise<{ ended: Tag[]; spared: SparedImage[] }> {
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return { ended: [], spared: [] }
  const present = await readPresent(tx, { repositoryId, images })
  const immutable = findImmutableTags(await policies.read(tx), repository)
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
  return { ended: ending.map(({ name }) => name), spared }
}

function findImmutable({ tags }: ExpiringImage, immutable: ImmutableTags | undefined): string | undefined {
  const tag = tags.find(({ name }) => immutable?.findPattern(name) !== undefined)
  return tag && `its tag ${tag.name} is immutable`
}

async function readPresent(
  tx: Writes,
  { repositoryId, images }: { repositoryId: number; images: readonly ExpiringImage[] },
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
  return {
    counts: new Map(counts.map(({ digest, count }) => [digest, Number(count)])),
    tags: new Map(tags.map((row) => [row.name, row])),
    pulls: new Map(pulls.map((row) => [row.digest, row.pulled_at])),
  }
}

/** Why the decision about an image no longer holds; undefined: it does. */
function findChange(image: ExpiringImage, { counts, tags, pulls }: Present): string | undefined {
  const { digest, pulledAt, tagCount } = image
  for (const { name, pushedAt } of image.tags) {
    const tag = tags.get(name)
    if (tag?.digest !== digest) return `its tag ${name} was moved or deleted meanwhile`
    if (tag.updated_at !== pushedAt) return `its tag ${name} was pushed again meanwhile`
  }
  if (counts.get(digest) !== tagCount) return 'it got or lost a tag meanwhile'
  if ((pulls.get(digest) ?? undefined) !== pulledAt) return 'it was pulled meanwhile'
  return undefined
}
