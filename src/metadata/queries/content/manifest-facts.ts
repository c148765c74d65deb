import type { Database } from '../../../database/database.ts'
import { kysely } from '../../../database/kysely.ts'
import { recordEvent } from '../../../events/record-event.ts'
import type { Digest } from '../../../oci/digest.ts'
import { isDigestReference } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { FoundManifest, ManifestFacts } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import { isBeingRemoved } from '../blob-removals.ts'
import { refusePinned } from '../in-use/refuse-pinned.ts'
import { findNamed } from '../named-content.ts'
import type { PolicyReader } from '../policies/policy-reader.ts'
import type { FindQuota } from '../quotas/quota-reader.ts'
import { requireRoom } from '../quotas/require-room.ts'
import { findRepositoryId, type Writes } from '../repositories.ts'
import { refuseImmutableTags } from '../tags/refuse-immutable.ts'
import { endManifestTags, endTag } from '../tags/tag-periods.ts'
import { trashManifest } from '../trash/trash-manifest.ts'
import { insertManifest } from './insert-manifest.ts'
import { recordPulls } from './manifest-pulls.ts'
import { listReferrers } from './referrers.ts'

/** {@link ManifestFacts} in SQL. */
export function createManifestFacts(
  database: Database<MetadataSchema>,
  clock: () => number,
  { policies, findQuota }: { policies: PolicyReader; findQuota: FindQuota },
): ManifestFacts {
  const { read } = database
  const findByDigest = createFindByDigest(database)
  const findByTag = createFindByTag(database)
  return {
    findManifest: (repository, reference) =>
      isDigestReference(reference) ? findByDigest(repository, reference) : findByTag(repository, reference),
    putManifest: async (record) => {
      const quota = await findQuota(record.repository)
      return database.transaction(async (tx) => {
        const named = await findNamed(tx, record.repository, record.manifest)
        const missing = record.isSparseAllowed ? [] : named.missing
        const isRemoved = await isBeingRemoved(tx, record.digest)
        const isFit = missing.length + named.missized.length === 0
        if (isFit && !isRemoved) {
          await requireRoom(tx, quota, { ...record, size: record.bytes.length })
          await insertManifest(tx, record, { policies, now: clock() })
        }
        return { ...named, missing, isRemoved }
      })
    },
    findNamed: (repository, manifest) => findNamed(read, repository, manifest),
    deleteManifest: (repository, digest, by) =>
      database.transaction((tx) => deleteManifest(tx, { repository, digest, by, policies, now: clock() })),
    checkManifestDeletion: (repository, digest) =>
      database.transaction(async (tx) => {
        const found = await findRemovableManifest(tx, { repository, digest, policies })
        return typeof found === 'number' ? 'removable' : found
      }),
    deleteTag: (repository, tag, by) =>
      database.transaction(async (tx) => {
        const repositoryId = await findRepositoryId(tx, repository)
        if (repositoryId === undefined) return false
        const act = { repository, repositoryId, policies, now: clock(), by }
        const ended = await endTag(tx, act, { name: tag, how: 'deleted' })
        if (ended === undefined) return false
        const tags = [{ name: tag, before: ended }]
        await recordEvent(tx, { action: 'tag.delete', who: by, repository, digest: ended, tags }, act.now)
        return true
      }),
    recordPulls: (pulled) => recordPulls(database, pulled, clock()),
    listReferrers: (repository, subject, page) => listReferrers(read, { repository, subject, ...page }),
  }
}

const MANIFEST_COLUMNS = [
  'manifests.digest',
  'media_type',
  'manifests.size',
  'bytes',
  'collection_queue.since as queued_since',
  'blobs.quarantined_at',
] as const

interface ManifestColumns {
  digest: string
  media_type: string
  size: number
  bytes: Uint8Array
  queued_since: number | null
  quarantined_at: number | null
}

type Find = (repository: RepositoryName, reference: string) => Promise<FoundManifest | undefined>

function createFindByDigest({ read, prepareFirst }: Database<MetadataSchema>): Find {
  const query = prepareFirst(
    read
      .selectFrom('repositories')
      .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
      .leftJoin('collection_queue', (join) =>
        join
          .onRef('collection_queue.repository_id', '=', 'manifests.repository_id')
          .onRef('collection_queue.digest', '=', 'manifests.digest')
          .on('collection_queue.kind', '=', kysely.sql.lit('manifest')),
      )
      .leftJoin('blobs', 'blobs.digest', 'manifests.digest')
      .select(MANIFEST_COLUMNS)
      .where('repositories.name', '=', '')
      .where('manifests.digest', '=', '')
      .compile(),
  )
  return async (repository, digest) => toStored(await query(repository, digest))
}

function createFindByTag({ read, prepareFirst }: Database<MetadataSchema>): Find {
  const query = prepareFirst(
    read
      .selectFrom('repositories')
      .innerJoin('tags', 'tags.repository_id', 'repositories.id')
      .innerJoin('manifests', (join) =>
        join
          .onRef('manifests.repository_id', '=', 'tags.repository_id')
          .onRef('manifests.digest', '=', 'tags.digest'),
      )
      .leftJoin('collection_queue', (join) =>
        join
          .onRef('collection_queue.repository_id', '=', 'manifests.repository_id')
          .onRef('collection_queue.digest', '=', 'manifests.digest')
          .on('collection_queue.kind', '=', kysely.sql.lit('manifest')),
      )
      .leftJoin('blobs', 'blobs.digest', 'manifests.digest')
      .select(MANIFEST_COLUMNS)
      .where('repositories.name', '=', '')
      .where('tags.name', '=', '')
      .compile(),
  )
  return async (repository, tag) => toStored(await query(repository, tag))
}

function toStored(row: ManifestColumns | undefined): FoundManifest | undefined {
  // A join that leaves the row out would cost as much, and a quarantine is rare.
  if (!row || row.quarantined_at !== null) return undefined
  return {
    digest: row.digest as Digest,
    mediaType: row.media_type,
    size: row.size,
    bytes: row.bytes,
    isQueued: row.queued_since !== null,
  }
}

async function deleteManifest(
  tx: Writes,
  {
    repository,
    digest,
    by,
    policies,
    now,
  }: {
    repository: RepositoryName
    digest: Digest
    by?: string | undefined
    policies: PolicyReader
    now: number
  },
): Promise<'removed' | 'unknown' | 'in-use'> {
  const repositoryId = await findRemovableManifest(tx, { repository, digest, policies })
  if (typeof repositoryId !== 'number') return repositoryId
  await endManifestTags(
    tx,
    { repository, repositoryId, policies, now, by },
    { digest, how: 'manifest-deleted' },
  )
  await trashManifest(tx, { repositoryId, digest, by, now })
  await recordEvent(tx, { action: 'manifest.delete', who: by, repository, digest }, now)
  return 'removed'
}

/** The id of the repository of a manifest that may be deleted with its tags. Errors: `DENIED`. */
async function findRemovableManifest(
  tx: Writes,
  { repository, digest, policies }: { repository: RepositoryName; digest: Digest; policies: PolicyReader },
): Promise<number | 'unknown' | 'in-use'> {
  const repositoryId = await findRepositoryId(tx, repository)
  if (repositoryId === undefined) return 'unknown'
  const parent = await tx
    .selectFrom('manifest_references')
    .select('manifest_digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .where('kind', '=', 'child')
    .limit(1)
    .executeTakeFirst()
  const held = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!held) return 'unknown'
  if (parent) return 'in-use'
  await refusePinned(tx, { repository, repositoryId, digest })
  await refuseImmutableTags(tx, policies, { repository, repositoryId, digest })
  return repositoryId
}
