import type { Digest, DigestAlgorithm } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import type { Database } from '../database.ts'
import type { UploadFacts } from '../metadata.ts'

/** {@link UploadFacts} in SQL. */
export function createUploadFacts({ reader, writer }: Database, clock: () => number): UploadFacts {
  return {
    async createUpload(upload) {
      const now = clock()
      await writer
        .insertInto('uploads')
        .values({ ...upload, created_at: now, updated_at: now })
        .execute()
    },
    async findUpload(id) {
      const row = await reader.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined
        ? undefined
        : {
            id: row.id as UploadId,
            repository: row.repository as RepositoryName,
            principal: row.principal,
            algorithm: row.algorithm as DigestAlgorithm,
            offset: row.offset,
            digest: row.digest as Digest,
          }
    },
    async advanceUpload(id, from, to) {
      const result = await writer
        .updateTable('uploads')
        .set({ offset: to.offset, digest: to.digest, updated_at: clock() })
        .where('id', '=', id)
        .where('offset', '=', from)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },
    async deleteUpload(id) {
      const result = await writer.deleteFrom('uploads').where('id', '=', id).executeTakeFirst()
      return result.numDeletedRows > 0n
    },
    async listStaleUploads(before, limit) {
      const rows = await reader
        .selectFrom('uploads')
        .select('id')
        .where('updated_at', '<', before.getTime())
        .orderBy('updated_at')
        .limit(limit)
        .execute()
      return rows.map((row) => row.id as UploadId)
    },
  }
}
