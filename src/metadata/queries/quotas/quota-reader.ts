import type { Database } from '../../../database/database.ts'
import { kysely } from '../../../database/kysely.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { NO_POLICIES, type PolicyDocument } from '../../../policies/policy-document.ts'
import { findQuota, type Quota } from '../../../policies/quotas.ts'
import type { MetadataSchema } from '../../schema.ts'
import { POLICIES_ID, parseStored } from '../policies/policy-reader.ts'

/** Finds the quota that applies to a repository; undefined: none. */
export type FindQuota = (repository: RepositoryName) => Promise<Quota | undefined>

/**
 * Reads quotas. The policies are remembered until anything changes, so that without quotas a push costs no query for
 * them; another node may use former limits for a moment.
 */
export function createFindQuota({ read, prepareFirst }: Database<MetadataSchema>): FindQuota {
  const find = prepareFirst(
    read.selectFrom('policies').select('document').where('id', '=', kysely.sql.lit(POLICIES_ID)).compile(),
    { remembersAbsence: true },
  )
  let known: { readonly text: string; readonly document: PolicyDocument } = {
    text: '',
    document: NO_POLICIES,
  }
  return async (repository) => {
    const row = await find()
    if (!row) return undefined
    if (row.document !== known.text) known = { text: row.document, document: parseStored(row.document) }
    return findQuota(known.document, repository.split('/', 1)[0] ?? repository)
  }
}
