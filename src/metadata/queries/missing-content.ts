import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isNonDistributable } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { findRepositoryId, type Queries } from './repositories.ts'

/** Values in one `in (…)`: SQLite takes 32766, PostgreSQL plans small lists better. */
const BATCH = 500

/** Digests of blobs a manifest needs in its repository. */
export function neededBlobs(manifest: Manifest): Digest[] {
  const layers = manifest.layers.filter((layer) => !isNonDistributable(layer.mediaType))
  return uniqueDigests(manifest.config ? [manifest.config, ...layers] : layers)
}

/** Digests of manifests an index needs in its repository. */
export function neededChildren(manifest: Manifest): Digest[] {
  return uniqueDigests(manifest.children)
}

/** What a manifest names and its repository does not hold. A subject may be absent (distribution-spec "Pushing Manifests with Subject"). */
export async function findMissing(
  db: Queries,
  repository: RepositoryName,
  manifest: Manifest,
): Promise<Digest[]> {
  const blobs = neededBlobs(manifest)
  const children = neededChildren(manifest)
  if (blobs.length + children.length === 0) return []
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return [...blobs, ...children]
  return [
    ...(await absentFrom(db, { table: 'repository_blobs', id, digests: blobs })),
    ...(await absentFrom(db, { table: 'manifests', id, digests: children })),
  ]
}

async function absentFrom(
  db: Queries,
  wanted: { table: 'repository_blobs' | 'manifests'; id: number; digests: Digest[] },
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

function uniqueDigests(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map((descriptor) => descriptor.digest))]
}
