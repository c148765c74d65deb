import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import type { Database } from '../database.ts'
import type { UploadFacts } from '../metadata.ts'
import type { Queries } from './repositories.ts'

/** {@link UploadFacts} in SQL. */
export function createUploadFacts({ reader, writer }: Database, clock: () => number): UploadFacts {
  return {
    async createUpload(upload, maxOpen) {
      const now = clock()
      const row = { ...upload, created_at: now, updated_at: now }
      if (maxOpen === undefined) {
        await writer.insertInto('uploads').values(row).execute()
        return true
      }
      // Counted under the lock of the write: other processes open sessions, too.
      return writer.transaction().execute(async (tx) => {
        if ((await countUploads(tx, upload.principal, maxOpen)) >= maxOpen) return false
        await tx.insertInto('uploads').values(row).execute()
        return true
      })
    },
    async findUpload(id) {
      const row = await reader.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
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
      const result = await writer
        .updateTable('uploads')
        .set({ offset: to.offset, state: to.state, updated_at: clock() })
        .where('id', '=', id)
        .where('offset', '=', from)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },
    async deleteUpload(id) {
      const result = await writer.deleteFrom('uploads').where('id', '=', id).executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    async listStaleUploads(before, limit, principal) {
      let query = reader.selectFrom('uploads').select('id').where('updated_at', '<', before.getTime())
      if (principal !== undefined) query = query.where('principal', '=', principal)
      const rows = await query.orderBy('updated_at').limit(limit).execute()
      return rows.map((row) => row.id as UploadId)
    },
  }
}

/** Sessions of one principal, as far as `most`: what it costs stays bounded, too. */
async function countUploads(db: Queries, principal: string, most: number): Promise<number> {
  const { count } = await db
    .selectFrom((eb) =>
      eb.selectFrom('uploads').select('id').where('principal', '=', principal).limit(most).as('open'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}
