import type { Digest } from '../../oci/digest.ts'
import type { Reads } from '../queries/repositories.ts'
import { type Damage, MAX_IMAGES_LISTED } from '../scrub-facts.ts'

/** Levels of indexes above an image that are followed to their tags: an index of indexes is rare. */
const MAX_LEVELS = 4

/** Content in quarantine with the images and repositories that it is in. */
export async function listDamages(
  db: Reads,
  { after, limit }: { after?: Digest | undefined; limit: number },
): Promise<Damage[]> {
  const rows = await db
    .selectFrom('blobs')
    .innerJoin('blob_damages', 'blob_damages.digest', 'blobs.digest')
    .select(['blobs.digest', 'size', 'kind', 'reason', 'found_size', 'found_at', 'set_aside_at'])
    .where('blobs.quarantined_at', 'is not', null)
    .where('blobs.digest', '>', after ?? '')
    .orderBy('blobs.digest')
    .limit(limit)
    .execute()
  const damages: Damage[] = []
  for (const row of rows) {
    const digest = row.digest as Digest
    damages.push({
      digest,
      size: row.size,
      kind: row.kind,
      reason: row.reason ?? undefined,
      foundSize: row.found_size ?? undefined,
      foundAt: new Date(row.found_at),
      isSetAside: row.set_aside_at !== null,
      images: await listImages(db, digest),
      repositories: await listHolders(db, digest, MAX_IMAGES_LISTED),
    })
  }
  return damages
}

/** Repositories that hold content as a blob or as a manifest, by name. */
export async function listHolders(db: Reads, digest: Digest, limit: number): Promise<string[]> {
  const names = new Set<string>()
  for (const table of ['repository_blobs', 'manifests'] as const) {
    const rows = await db
      .selectFrom(table)
      .innerJoin('repositories', 'repositories.id', `${table}.repository_id`)
      .select('repositories.name')
      .where(`${table}.digest`, '=', digest)
      .where('repositories.trashed_at', 'is', null)
      .orderBy('repositories.name')
      .limit(limit)
      .execute()
    for (const { name } of rows) names.add(name)
  }
  return [...names].sort().slice(0, limit)
}

/** A manifest of a repository. */
interface Place {
  readonly repositoryId: number
  readonly repository: string
  readonly digest: string
}

async function listImages(db: Reads, digest: Digest): Promise<Damage['images']> {
  const images = [...(await listOwn(db, digest)), ...(await listNaming(db, { digest, kind: 'blob' }))]
  const found = new Map(images.map((place) => [`${place.repositoryId} ${place.digest}`, place]))
  return await Promise.all(
    [...found.values()].slice(0, MAX_IMAGES_LISTED).map(async (place) => ({
      repository: place.repository,
      digest: place.digest as Digest,
      tags: await listTags(db, place),
    })),
  )
}

async function listOwn(db: Reads, digest: string): Promise<Place[]> {
  return db
    .selectFrom('manifests')
    .innerJoin('repositories', 'repositories.id', 'manifests.repository_id')
    .select(['repositories.id as repositoryId', 'repositories.name as repository', 'manifests.digest'])
    .where('manifests.digest', '=', digest)
    .where('repositories.trashed_at', 'is', null)
    .orderBy('repositories.name')
    .limit(MAX_IMAGES_LISTED)
    .execute()
}

/** Manifests that name content, in one repository or in all. */
async function listNaming(
  db: Reads,
  { digest, kind, repositoryId }: { digest: string; kind: 'blob' | 'child'; repositoryId?: number },
): Promise<Place[]> {
  const query = db
    .selectFrom('manifest_references')
    .innerJoin('repositories', 'repositories.id', 'manifest_references.repository_id')
    .select([
      'repositories.id as repositoryId',
      'repositories.name as repository',
      'manifest_digest as digest',
    ])
    .where('manifest_references.digest', '=', digest)
    .where('manifest_references.kind', '=', kind)
    .where('repositories.trashed_at', 'is', null)
    .orderBy('repositories.name')
    .limit(MAX_IMAGES_LISTED)
  return repositoryId === undefined
    ? query.execute()
    : query.where('manifest_references.repository_id', '=', repositoryId).execute()
}

/** Tags that point at a manifest, or at an index above it. */
async function listTags(db: Reads, { repositoryId, digest }: Place): Promise<string[]> {
  const seen = new Set([digest])
  await addParents(db, { repositoryId, digest, seen, level: 1 })
  const rows = await db
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', repositoryId)
    .where('digest', 'in', [...seen])
    .orderBy('name')
    .limit(MAX_IMAGES_LISTED)
    .execute()
  return rows.map(({ name }) => name)
}

async function addParents(
  db: Reads,
  {
    repositoryId,
    digest,
    seen,
    level,
  }: { repositoryId: number; digest: string; seen: Set<string>; level: number },
): Promise<void> {
  if (level > MAX_LEVELS) return
  for (const parent of await listNaming(db, { digest, kind: 'child', repositoryId })) {
    if (seen.has(parent.digest) || seen.size >= MAX_IMAGES_LISTED) continue
    seen.add(parent.digest)
    await addParents(db, { repositoryId, digest: parent.digest, seen, level: level + 1 })
  }
}
