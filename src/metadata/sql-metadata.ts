import type { Database } from '../database/database.ts'
import type { Metadata } from './metadata.ts'
import { createBlobFacts } from './queries/content/blob-facts.ts'
import { createManifestFacts } from './queries/content/manifest-facts.ts'
import { createRepositoryFacts } from './queries/content/repository-facts.ts'
import { createUploadFacts } from './queries/content/upload-facts.ts'
import { createInUseFacts } from './queries/in-use/in-use-facts.ts'
import { createPolicyFacts } from './queries/policies/policy-facts.ts'
import { PolicyReader } from './queries/policies/policy-reader.ts'
import { createFindQuota } from './queries/quotas/quota-reader.ts'
import { createSwitchFacts, refuseWhileReadOnly } from './queries/switches.ts'
import { createRestoreFacts } from './queries/trash/restore.ts'
import type { MetadataSchema } from './schema.ts'

/** Facts in an SQL database, for commands of the operator. `clock` gives milliseconds since 1970. */
export function createSqlMetadata(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): Metadata {
  const policies = new PolicyReader()
  const findQuota = createFindQuota(database)
  return {
    ...createBlobFacts(database, clock, findQuota),
    ...createManifestFacts(database, clock, { policies, findQuota }),
    ...createRepositoryFacts(database, clock, policies),
    ...createUploadFacts(database, clock, findQuota),
    ...createRestoreFacts(database, clock, policies),
    ...createPolicyFacts(database, clock),
    ...createInUseFacts(database, clock),
    ...createSwitchFacts(database, clock),
    async check() {
      await database.check()
      await database.read.selectFrom('repositories').select('id').limit(1).execute()
    },
  }
}

/**
 * The same for clients: while the registry is read-only all changes are refused with `OciError` `UNSUPPORTED`, except
 * those that only record a use of content, and those of upload sessions that are open: bytes under way are kept, and a
 * session that is cancelled frees its room.
 */
export function createClientMetadata(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): Metadata {
  const { relyOnBlob, recordPulls, advanceUpload, deleteUpload, turnOn, turnOff, ...rest } =
    createSqlMetadata(database, clock)
  return {
    ...rest,
    ...createSqlMetadata(refuseWhileReadOnly(database, clock), clock),
    relyOnBlob,
    recordPulls,
    advanceUpload,
    deleteUpload,
    turnOn,
    turnOff,
  }
}
