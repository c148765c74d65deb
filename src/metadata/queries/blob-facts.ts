import type { SelectQueryBuilder } from 'kysely'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Database } from '../database.ts'
import type { BlobFacts, RepositoryFilter } from '../metadata.ts'
import type { Schema } from '../schema.ts'
import { dropIfEmpty, ensureRepository, findRepositoryId, type Queries } from './repositories.ts'
import { withinFilter } from './repository-filter.ts'

/** {@link BlobFacts} in SQL. */
export function createBlobFacts(database: Database, clock: () => number): BlobFacts {
  const { reader, writer } = database
  return {
    findBlob: createFindBlob(database),
    findHolder: (digest, filter, preferred) => findHolder(reader, { digest, filter, preferred }),
    linkBlob: ({ repository, digest, size, upload }) =>
      writer.transaction().execute(async (tx) => {
        const repositoryId = await ensureRepository(tx, repository, clock())
        await tx
          .insertInto('blobs')
          .values({ digest, size, created_at: clock() })
          .onConflict((conflict) => conflict.doNothing())
          .execute()
        await insertLink(tx, { repositoryId, digest, now: clock() })
        if (upload) await tx.deleteFrom('uploads').where('id', '=', upload).execute()
      }),
    mountBlob: ({ from, repository, digest }) =>
      writer.transaction().execute(async (tx) => {
        if (!(await selectBlob(tx, from, digest).executeTakeFirst())) return false
        const repositoryId = await ensureRepository(tx, repository, clock())
        await insertLink(tx, { repositoryId, digest, now: clock() })
        return true
      }),
    unlinkBlob: (repository, digest) =>
      writer.transaction().execute(async (tx) => {
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

function createFindBlob({ reader, prepareFirst }: Database): FindBlob {
  const query = prepareFirst(selectBlob(reader, '' as RepositoryName, '' as Digest).compile())
  return async (repository, digest) => query(repository, digest)
}

function selectBlob(
  db: Queries,
  repository: RepositoryName,
  digest: Digest,
): SelectQueryBuilder<Schema, 'repositories' | 'repository_blobs' | 'blobs', { size: number }> {
  return db
    .selectFrom('repositories')
    .innerJoin('repository_blobs', 'repository_blobs.repository_id', 'repositories.id')
    .innerJoin('blobs', 'blobs.digest', 'repository_blobs.digest')
    .select('blobs.size')
    .where('repositories.name', '=', repository)
    .where('repository_blobs.digest', '=', digest)
}

async function findHolder(
  db: Queries,
  wanted: { digest: Digest; filter: RepositoryFilter; preferred: RepositoryName | undefined },
): Promise<RepositoryName | undefined> {
  const { digest, filter, preferred } = wanted
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
  db: Queries,
  link: { repositoryId: number; digest: Digest; now: number },
): Promise<void> {
  await db
    .insertInto('repository_blobs')
    .values({ repository_id: link.repositoryId, digest: link.digest, created_at: link.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function isNamed(db: Queries, repositoryId: number, digest: Digest): Promise<boolean> {
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
