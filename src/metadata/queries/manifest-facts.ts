import type { Database } from '../../database/database.ts'
import type { Digest } from '../../oci/digest.ts'
import { isDigestReference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ManifestFacts, StoredManifest } from '../metadata.ts'
import type { MetadataSchema } from '../schema.ts'
import { betweenBatches } from './between-batches.ts'
import { insertManifest } from './insert-manifest.ts'
import { findNamed } from './named-content.ts'
import { listReferrers } from './referrers.ts'
import { dropIfEmpty, findRepositoryId, type Writes } from './repositories.ts'

/** {@link ManifestFacts} in SQL. */
export function createManifestFacts(database: Database<MetadataSchema>, clock: () => number): ManifestFacts {
  const { read } = database
  const findByDigest = createFindByDigest(database)
  const findByTag = createFindByTag(database)
  return {
    findManifest: (repository, reference) =>
      isDigestReference(reference) ? findByDigest(repository, reference) : findByTag(repository, reference),
    putManifest: (record) =>
      database.transaction(async (tx) => {
        const named = await findNamed(tx, record.repository, record.manifest)
        const missing = record.isSparseAllowed ? [] : named.missing
        if (missing.length + named.missized.length === 0) await insertManifest(tx, record, clock())
        return { ...named, missing }
      }),
    findNamed: (repository, manifest) => findNamed(read, repository, manifest),
    deleteManifest: (repository, digest) =>
      database.transaction((tx) => deleteManifest(tx, repository, digest)),
    deleteTag: (repository, tag) =>
      database.transaction(async (tx) => {
        const id = await findRepositoryId(tx, repository)
        if (id === undefined) return false
        const result = await tx
          .deleteFrom('tags')
          .where('repository_id', '=', id)
          .where('name', '=', tag)
          .executeTakeFirst()
        return result.numDeletedRows > 0n
      }),
    listReferrers: (repository, subject, page) => listReferrers(read, { repository, subject, ...page }),
  }
}

const MANIFEST_COLUMNS = ['manifests.digest', 'media_type', 'size', 'bytes'] as const

interface ManifestColumns {
  digest: string
  media_type: string
  size: number
  bytes: Uint8Array
}

type Find = (repository: RepositoryName, reference: string) => Promise<StoredManifest | undefined>

function createFindByDigest({ read, prepareFirst }: Database<MetadataSchema>): Find {
  const query = prepareFirst(
    read
      .selectFrom('repositories')
      .innerJoin('manifests', 'manifests.repository_id', 'repositories.id')
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
      .select(MANIFEST_COLUMNS)
      .where('repositories.name', '=', '')
      .where('tags.name', '=', '')
      .compile(),
  )
  return async (repository, tag) => toStored(await query(repository, tag))
}

function toStored(row: ManifestColumns | undefined): StoredManifest | undefined {
  return row && { digest: row.digest as Digest, mediaType: row.media_type, size: row.size, bytes: row.bytes }
}

async function deleteManifest(
  tx: Writes,
  repository: RepositoryName,
  digest: Digest,
): Promise<'removed' | 'unknown' | 'in-use'> {
  const id = await findRepositoryId(tx, repository)
  if (id === undefined) return 'unknown'
  const parent = await tx
    .selectFrom('manifest_references')
    .select('manifest_digest')
    .where('repository_id', '=', id)
    .where('digest', '=', digest)
    .where('kind', '=', 'child')
    .limit(1)
    .executeTakeFirst()
  const held = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', id)
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!held) return 'unknown'
  if (parent) return 'in-use'
  await deleteReferences(tx, id, digest)
  await deleteTags(tx, id, digest)
  // The rest of both goes with it, by the foreign keys.
  await tx.deleteFrom('manifests').where('repository_id', '=', id).where('digest', '=', digest).execute()
  await dropIfEmpty(tx, id)
  return 'removed'
}

/** Rows deleted at once, between which others are served. */
const BATCH = 500

async function deleteReferences(tx: Writes, id: number, manifest: Digest): Promise<void> {
  for (;;) {
    const { numDeletedRows } = await tx
      .deleteFrom('manifest_references')
      .where('repository_id', '=', id)
      .where('manifest_digest', '=', manifest)
      .where('digest', 'in', (query) =>
        query
          .selectFrom('manifest_references')
          .select('digest')
          .where('repository_id', '=', id)
          .where('manifest_digest', '=', manifest)
          .limit(BATCH),
      )
      .executeTakeFirstOrThrow()
    if (numDeletedRows < BATCH) return
    await betweenBatches()
  }
}

async function deleteTags(tx: Writes, id: number, manifest: Digest): Promise<void> {
  for (;;) {
    const { numDeletedRows } = await tx
      .deleteFrom('tags')
      .where('repository_id', '=', id)
      .where('name', 'in', (query) =>
        query
          .selectFrom('tags')
          .select('name')
          .where('repository_id', '=', id)
          .where('digest', '=', manifest)
          .limit(BATCH),
      )
      .executeTakeFirstOrThrow()
    if (numDeletedRows < BATCH) return
    await betweenBatches()
  }
}
