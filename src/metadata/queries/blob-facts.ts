import type { SelectQueryBuilder } from 'kysely'
import type { Database } from '../../database/database.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { BlobFacts, RepositoryFilter } from '../metadata.ts'
import type { MetadataSchema } from '../schema.ts'
import { dropIfEmpty, ensureRepository, findRepositoryId, type Reads, type Writes } from './repositories.ts'
import { withinFilter } from './repository-filter.ts'

/** {@link BlobFacts} in SQL. */
export function createBlobFacts(database: Database<MetadataSchema>, clock: () => number): BlobFacts {
  return {
    findBlob: createFindBlob(database),
    findHolder: (digest, filter, preferred) => findHolder(database.read, { digest, filter, preferred }),
    linkBlob: ({ repository, digest, size, upload }) =>
      database.transaction(async (tx) => {
        const now = clock()
        const repositoryId = await ensureRepository(tx, repository, now)
        await tx
          .insertInto('blobs')
          .values({ digest, size, created_at: now })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        await insertLink(tx, { repositoryId, digest, now })
        if (upload) await tx.deleteFrom('uploads').where('id', '=', upload).execute()
      }),
    mountBlob: ({ from, repository, digest }) =>
      database.transaction(async (tx) => {
        if (!(await selectBlob(tx, from, digest).executeTakeFirst())) return false
        const now = clock()
        const repositoryId = await ensureRepository(tx, repository, now)
        await insertLink(tx, { repositoryId, digest, now })
        return true
      }),
    unlinkBlob: (repository, digest) =>
      database.transaction(async (tx) => {
        const id = await findRepositoryId(tx, repository)
        if (id === undefined || !(await selectBlob(tx, repository, digest).executeTakeFirst()))
          return 'unknown'
        if (await isNamed(tx, id, digest)) return 'in-use'
        await tx
          .deleteFrom('repository_blobs')
          .where('repository_id', '=', id)
          .where('digest', '=', digest)
          .execute()
        await dropIfEmpty(tx, id)
        return 'removed'
      }),
  }
}

type FindBlob = (repository: RepositoryName, digest: Digest) => Promise<{ size: number } | undefined>

function createFindBlob({ read, prepareFirst }: Database<MetadataSchema>): FindBlob {
  const query = prepareFirst(selectBlob(read, '' as RepositoryName, '' as Digest).compile())
  return async (repository, digest) => query(repository, digest)
}

function selectBlob(
  db: Reads,
  repository: RepositoryName,
  digest: Digest,
): SelectQueryBuilder<MetadataSchema, 'repositories' | 'repository_blobs' | 'blobs', { size: number }> {
  return db
    .selectFrom('repositories')
    .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select('blobs.size')
    .where('repositories.name', '=', repository)
    .where('repository_blobs.digest', '=', digest)
}

async function findHolder(
  db: Reads,
  selection: { digest: Digest; filter: RepositoryFilter; preferred: RepositoryName | undefined },
): Promise<RepositoryName | undefined> {
  const { digest, filter, preferred } = selection
  const row = await db
    .selectFrom('repository_blobs')
    .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
    .select('repositories.name')
    .where('repository_blobs.digest', '=', digest)
    .where((eb) => withinFilter(eb, filter))
    .orderBy((eb) => eb('repositories.name', '=', preferred ?? ''), 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.name as RepositoryName | undefined
}

async function insertLink(
  tx: Writes,
  link: { repositoryId: number; digest: Digest; now: number },
): Promise<void> {
  await tx
    .insertInto('repository_blobs')
    .values({ repository_id: link.repositoryId, digest: link.digest, created_at: link.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function isNamed(db: Reads, repositoryId: number, digest: Digest): Promise<boolean> {
  const row = await db
    .selectFrom('manifest_references')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .where('kind', '=', 'blob')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
