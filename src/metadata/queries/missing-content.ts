import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { essenceOf, isNonDistributable, manifestKindOf } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findRepositoryId, type Queries } from './repositories.ts'

/** Values in one `in (…)`: SQLite takes 32766, PostgreSQL plans small lists better. */
const BATCH = 500

/** Digests of what a manifest needs in its repository. */
export interface NeededContent {
  readonly blobs: readonly Digest[]
  readonly manifests: readonly Digest[]
  /** What an index names by a type that is no manifest's: a blob, as in BuildKit's caches, or a manifest all the same. */
  readonly either: readonly Digest[]
}

/** What a manifest needs in its repository. */
export function neededContent({ config, layers, children }: Manifest): NeededContent {
  const isManifest = ({ mediaType }: Descriptor): boolean =>
    manifestKindOf(essenceOf(mediaType)) !== undefined
  return {
    blobs: neededDigests(config ? [config, ...layers] : layers),
    manifests: neededDigests(children.filter(isManifest)),
    either: neededDigests(children.filter((child) => !isManifest(child))),
  }
}

/** What a manifest names and its repository does not hold. A subject may be absent (distribution-spec "Pushing Manifests with Subject"). */
export async function findMissing(
  db: Queries,
  repository: RepositoryName,
  manifest: Manifest,
): Promise<Digest[]> {
  const { blobs, manifests, either } = neededContent(manifest)
  if (blobs.length + manifests.length + either.length === 0) return []
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return [...blobs, ...manifests, ...either]
  const noBlobs = await absentFrom(db, { table: 'repository_blobs', id, digests: either })
  return [
    ...(await absentFrom(db, { table: 'repository_blobs', id, digests: blobs })),
    ...(await absentFrom(db, { table: 'manifests', id, digests: [...manifests, ...noBlobs] })),
  ]
}

async function absentFrom(
  db: Queries,
  wanted: { table: 'repository_blobs' | 'manifests'; id: number; digests: readonly Digest[] },
): Promise<Digest[]> {
  const absent: Digest[] = []
  for (let at = 0; at < wanted.digests.length; at += BATCH) {
    const batch = wanted.digests.slice(at, at + BATCH)
    const rows = await db
      .selectFrom(wanted.table)
      .select('digest')
      .where('repository_id', '=', wanted.id)
      .where('digest', 'in', batch)
      .execute()
    const held = new Set<string>(rows.map((row) => row.digest))
    absent.push(...batch.filter((digest) => !held.has(digest)))
  }
  return absent
}

function neededDigests(descriptors: readonly Descriptor[]): Digest[] {
  const needed = descriptors.filter(({ mediaType }) => !isNonDistributable(mediaType))
  return [...new Set(needed.map(({ digest }) => digest))]
}
