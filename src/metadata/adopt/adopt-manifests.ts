import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Manifest } from '../../oci/manifest.ts'
import { isNonDistributable } from '../../oci/media-type.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { AdoptedManifest, AdoptManifestRules, ManifestOutcome } from '../adopt-facts.ts'
import { recordUses } from '../queries/manifest-uses.ts'
import { allContent, neededContent } from '../queries/named-content.ts'
import { ensureRepository, type Reads, type Writes } from '../queries/repositories.ts'
import { insertBlobRows } from './adopt-blobs.ts'
import { findDeletion } from './find-deletion.ts'
import { findHeld, findHeldSizes, findRemoving } from './find-held.ts'

/** References in one insert: their values stay below 32766, the smallest bound that an engine has. */
const REFERENCE_BATCH = 2_000

/** Records manifests of a repository, at most 500. */
export async function adoptManifests(
  tx: Writes,
  {
    repository,
    manifests,
    rules,
    now,
  }: {
    repository: RepositoryName
    manifests: readonly AdoptedManifest[]
    rules: AdoptManifestRules
    now: number
  },
): Promise<ManifestOutcome[]> {
  if (manifests.length === 0) return []
  const id = await ensureRepository(tx, repository, now)
  const state = { ...(await readState(tx, id, manifests)), deletedAt: await findDeletion(tx, repository) }
  const outcomes = manifests.map((manifest) => judge(manifest, state, rules))
  const added = manifests.filter((_, at) => ['adopted', 'incomplete'].includes(outcomes[at]?.kind ?? ''))
  await insertAll(tx, { id, now }, added)
  return outcomes
}

/** Rows that decide about a batch. */
interface State {
  readonly known: ReadonlySet<Digest>
  readonly removing: ReadonlySet<Digest>
  /** Times of deletion, in ms. */
  readonly trashed: ReadonlyMap<string, number>
  /** Time at which a repository of the name was deleted, in ms. */
  readonly deletedAt: number | undefined
  readonly blobSizes: ReadonlyMap<Digest, number>
  readonly manifestSizes: ReadonlyMap<Digest, number>
}

async function readState(
  tx: Reads,
  id: number,
  manifests: readonly AdoptedManifest[],
): Promise<Omit<State, 'deletedAt'>> {
  const digests = manifests.map(({ digest }) => digest)
  const blobs = new Set<Digest>()
  const children = new Set<Digest>()
  for (const { manifest } of manifests) {
    const needed = neededContent(manifest)
    for (const digest of [...needed.blobs, ...needed.either]) blobs.add(digest)
    for (const digest of [...needed.manifests, ...needed.either]) children.add(digest)
  }
  return {
    known: await findHeld(tx, 'manifests', { id, digests }),
    removing: await findRemoving(tx, digests),
    trashed: await findTrashed(tx, id, digests),
    blobSizes: await findHeldSizes(tx, 'repository_blobs', { id, digests: [...blobs] }),
    manifestSizes: await findHeldSizes(tx, 'manifests', { id, digests: [...children] }),
  }
}

async function findTrashed(tx: Reads, id: number, digests: readonly Digest[]): Promise<Map<string, number>> {
  const rows = await tx
    .selectFrom('trashed_manifests')
    .select(['digest', 'trashed_at'])
    .where('repository_id', '=', id)
    .where('digest', 'in', digests)
    .execute()
  return new Map(rows.map((row) => [row.digest, row.trashed_at]))
}

function judge(
  { digest, manifest, at }: AdoptedManifest,
  state: State,
  { takesIncomplete, isSparseAllowed }: AdoptManifestRules,
): ManifestOutcome {
  if (state.known.has(digest)) return { kind: 'known' }
  const deletions = [state.trashed.get(digest), state.deletedAt]
  if (deletions.some((deletedAt) => deletedAt !== undefined && deletedAt > at))
    return { kind: 'deleted-here' }
  if (state.removing.has(digest)) return { kind: 'being-removed' }
  const missized = findMissized(manifest, state)
  if (missized) return { kind: 'missized', missing: missized }
  const missing = findMissing(manifest, state)
  const [first] = missing
  if (first === undefined) return { kind: 'adopted' }
  if (isSparseAllowed) return { kind: 'incomplete', missing: first }
  const isPartOf = manifest.kind === 'index' && missing.length < manifest.children.length
  return { kind: takesIncomplete && isPartOf ? 'incomplete' : 'lacking', missing: first }
}

function findMissing(manifest: Manifest, { blobSizes, manifestSizes }: State): Digest[] {
  const { blobs, manifests, either } = neededContent(manifest)
  return [
    ...blobs.filter((digest) => !blobSizes.has(digest)),
    ...manifests.filter((digest) => !manifestSizes.has(digest)),
    ...either.filter((digest) => !blobSizes.has(digest) && !manifestSizes.has(digest)),
  ]
}

function findMissized({ config, layers, children }: Manifest, state: State): Digest | undefined {
  const differs = ({ digest, size, mediaType }: Descriptor, held: number | undefined): boolean =>
    held !== undefined && held !== size && !isNonDistributable(mediaType) && digest !== undefined
  const parts = config ? [config, ...layers] : layers
  const part = parts.find((named) => differs(named, state.blobSizes.get(named.digest)))
  const sizeOf = (digest: Digest): number | undefined =>
    state.manifestSizes.get(digest) ?? state.blobSizes.get(digest)
  return (part ?? children.find((named) => differs(named, sizeOf(named.digest))))?.digest
}

async function insertAll(
  tx: Writes,
  { id, now }: { id: number; now: number },
  added: readonly AdoptedManifest[],
): Promise<void> {
  if (added.length === 0) return
  const stored = added.map(({ digest, bytes, at }) => ({ digest, size: bytes.length, at }))
  await insertBlobRows(tx, stored, now)
  await tx
    .insertInto('manifests')
    .values(
      added.map(({ digest, manifest, bytes, at }) => ({
        repository_id: id,
        digest,
        media_type: manifest.mediaType,
        artifact_type: manifest.artifactType ?? null,
        subject: manifest.subject?.digest ?? null,
        annotations: manifest.annotationsJson ?? null,
        size: bytes.length,
        bytes,
        created_at: Math.min(at, now),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const references = added.flatMap((one) => listReferences(id, one))
  for (let at = 0; at < references.length; at += REFERENCE_BATCH) {
    await tx
      .insertInto('manifest_references')
      .values(references.slice(at, at + REFERENCE_BATCH))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
  await recordUses(tx, id, { digests: added.map(({ digest }) => digest), at: now })
}

/** As `insertManifest()` records them: content that may be a blob or a manifest counts as both. */
function listReferences(id: number, { digest, manifest }: AdoptedManifest) {
  const { blobs, manifests, either } = allContent(manifest)
  const row = (kind: 'blob' | 'child') => (named: Digest) => ({
    repository_id: id,
    manifest_digest: digest,
    kind,
    digest: named,
  })
  return [...[...blobs, ...either].map(row('blob')), ...[...manifests, ...either].map(row('child'))]
}
