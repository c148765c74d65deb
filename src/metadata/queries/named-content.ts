import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { findManifestKind, isNonDistributable, parseEssence } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { NamedContent } from '../metadata.ts'
import { betweenBatches } from './between-batches.ts'
import { findRepositoryId, type Reads } from './repositories.ts'

/** Values in one `in (…)`: below every engine's bound, and small lists are planned better. */
const BATCH = 500

/** Digests of a manifest's content, by its kind. */
interface NeededContent {
  readonly blobs: readonly Digest[]
  readonly manifests: readonly Digest[]
  /** Content of an index whose type is no manifest's: a blob, as in BuildKit's caches, or a manifest all the same. */
  readonly either: readonly Digest[]
}

/** Content that a manifest needs in its repository. */
export function neededContent({ config, layers, children }: Manifest): NeededContent {
  return allContent({
    config: config && isDistributable(config) ? config : undefined,
    layers: layers.filter(isDistributable),
    children: children.filter(isDistributable),
  })
}

/** Content that a manifest names: also that which a client need not push, which is kept with it if it was pushed. */
export function allContent({
  config,
  layers,
  children,
}: Pick<Manifest, 'config' | 'layers' | 'children'>): NeededContent {
  const isManifest = ({ mediaType }: Descriptor): boolean =>
    findManifestKind(parseEssence(mediaType)) !== undefined
  return {
    blobs: uniqueDigests(config ? [config, ...layers] : layers),
    manifests: uniqueDigests(children.filter(isManifest)),
    either: uniqueDigests(children.filter((child) => !isManifest(child))),
  }
}

/**
 * Compares the content that a manifest names with that of its repository. A subject may be absent (distribution-spec
 * "Pushing Manifests with Subject"), but a present one must have the stated size, too.
 */
export async function findNamed(
  db: Reads,
  repository: RepositoryName,
  manifest: Manifest,
): Promise<NamedContent> {
  const { blobs, manifests, either } = neededContent(manifest)
  const subjects = manifest.subject ? [manifest.subject.digest] : []
  const needed = [...blobs, ...manifests, ...either]
  const nothing = { missing: needed, missized: [], blobs: [] }
  if (needed.length + subjects.length === 0) return nothing
  const id = await findRepositoryId(db, repository)
  if (id === undefined) return nothing
  const heldBlobs = await findSizes(db, { table: 'repository_blobs', id, digests: [...blobs, ...either] })
  const others = [...manifests, ...either.filter((digest) => !heldBlobs.has(digest)), ...subjects]
  const heldManifests = await findSizes(db, { table: 'manifests', id, digests: others })
  return {
    missing: [
      ...blobs.filter((digest) => !heldBlobs.has(digest)),
      ...[...manifests, ...either].filter((digest) => !heldBlobs.has(digest) && !heldManifests.has(digest)),
    ],
    missized: findMissized(manifest, [heldBlobs, heldManifests]),
    blobs: Array.from(heldBlobs, ([digest, size]) => ({ digest, size })),
  }
}

function findMissized(
  { config, layers, children, subject }: Manifest,
  held: readonly ReadonlyMap<Digest, number>[],
): NamedContent['missized'] {
  const named = [...(config ? [config] : []), ...layers, ...children, ...(subject ? [subject] : [])]
  return named.filter(isDistributable).flatMap(({ digest, size: stated }) => {
    const stored = held.map((sizes) => sizes.get(digest)).find((size) => size !== undefined)
    return stored === undefined || stored === stated ? [] : [{ digest, stated, stored }]
  })
}

/** Sizes of those that the repository holds. */
async function findSizes(
  db: Reads,
  selection: { table: 'repository_blobs' | 'manifests'; id: number; digests: readonly Digest[] },
): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>()
  for (let at = 0; at < selection.digests.length; at += BATCH) {
    if (at > 0) await betweenBatches()
    const batch = selection.digests.slice(at, at + BATCH)
    const rows =
      selection.table === 'manifests'
        ? await selectManifests(db, selection.id, batch)
        : await selectBlobs(db, selection.id, batch)
    for (const { digest, size } of rows) sizes.set(digest as Digest, size)
  }
  return sizes
}

function selectManifests(db: Reads, id: number, digests: Digest[]): Promise<SizedRow[]> {
  return db
    .selectFrom('manifests')
    .leftJoin('blobs', 'blobs.digest', 'manifests.digest')
    .select(['manifests.digest', 'manifests.size'])
    .where('repository_id', '=', id)
    .where('manifests.digest', 'in', digests)
    .where('blobs.quarantined_at', 'is', null)
    .execute()
}

function selectBlobs(db: Reads, id: number, digests: Digest[]): Promise<SizedRow[]> {
  return db
    .selectFrom('repository_blobs')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select(['blobs.digest', 'blobs.size'])
    .where('repository_blobs.repository_id', '=', id)
    .where('repository_blobs.digest', 'in', digests)
    .where('blobs.quarantined_at', 'is', null)
    .execute()
}

interface SizedRow {
  readonly digest: string
  readonly size: number
}

function uniqueDigests(descriptors: readonly Descriptor[]): Digest[] {
  return [...new Set(descriptors.map(({ digest }) => digest))]
}

function isDistributable({ mediaType }: Descriptor): boolean {
  return !isNonDistributable(mediaType)
}
