import type { Database } from '../../../database/database.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { UploadId } from '../../../oci/request.ts'
import type { UploadFacts } from '../../metadata.ts'
import type { MetadataSchema } from '../../schema.ts'
import type { FindQuota } from '../quotas/quota-reader.ts'
import { requireRoom } from '../quotas/require-room.ts'
import type { Reads } from '../repositories.ts'

/** {@link UploadFacts} in SQL. */
export function createUploadFacts(
  { read, transaction }: Database<MetadataSchema>,
  clock: () => number,
  findQuota: FindQuota,
): UploadFacts {
  return {
    async createUpload(upload, maxOpen, digest) {
      const now = clock()
      const quota = await findQuota(upload.repository)
      const row = { ...upload, created_at: now, updated_at: now }
      return transaction(async (tx) => {
        // Counted in the transaction: other processes open sessions, too.
        if (maxOpen !== undefined && (await countUploads(tx, upload.principal, maxOpen)) >= maxOpen)
          return false
        await requireRoom(tx, quota, { repository: upload.repository, size: 0, digest })
        await tx.insertInto('uploads').values(row).execute()
        return true
      })
    },
    async requireRoom(wanted) {
      await requireRoom(read, await findQuota(wanted.repository), wanted)
    },
    async findUpload(id) {
      const row = await read.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined
        ? undefined
        : {
            id: row.id as UploadId,
            repository: row.repository as RepositoryName,
            principal: row.principal,
            offset: row.offset,
            state: row.state,
          }
    },
    async advanceUpload(id, from, to) {
      const now = clock()
      const { numUpdatedRows } = await transaction((tx) =>
        tx
          .updateTable('uploads')
          .set({ offset: to.offset, state: to.state, updated_at: now })
          .where('id', '=', id)
          .where('offset', '=', from)
          .executeTakeFirst(),
      )
      return numUpdatedRows > 0n
    },
    async deleteUpload(id) {
      const { numDeletedRows } = await transaction((tx) =>
        tx.deleteFrom('uploads').where('id', '=', id).executeTakeFirst(),
      )
      return numDeletedRows > 0n
    },
    async listStaleUploads(unusedMs, limit, principal) {
      let query = read
        .selectFrom('uploads')
        .select('id')
        .where('updated_at', '<=', clock() - unusedMs)
      if (principal !== undefined) query = query.where('principal', '=', principal)
      const rows = await query.orderBy('updated_at').limit(limit).execute()
      return rows.map((row) => row.id as UploadId)
    },
  }
}

/** Sessions of one principal, counted up to `most`: so the cost is bounded, too. */
async function countUploads(db: Reads, principal: string, most: number): Promise<number> {
  const { count } = await db
    .selectFrom((eb) =>
      eb.selectFrom('uploads').select('id').where('principal', '=', principal).limit(most).as('open'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}
