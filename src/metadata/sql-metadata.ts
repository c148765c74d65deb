import type { Database } from '../database/database.ts'
import type { Metadata } from './metadata.ts'
import { createBlobFacts } from './queries/content/blob-facts.ts'
import { createManifestFacts } from './queries/content/manifest-facts.ts'
import { createRepositoryFacts } from './queries/content/repository-facts.ts'
import { createUploadFacts } from './queries/content/upload-facts.ts'
import { createPolicyFacts } from './queries/policies/policy-facts.ts'
import { PolicyReader } from './queries/policies/policy-reader.ts'
import { createRestoreFacts } from './queries/trash/restore.ts'
import type { MetadataSchema } from './schema.ts'

/** Facts in an SQL database. `clock` gives milliseconds since 1970. */
export function createSqlMetadata(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): Metadata {
  const policies = new PolicyReader()
  return {
    ...createBlobFacts(database, clock),
    ...createManifestFacts(database, clock, policies),
    ...createRepositoryFacts(database, clock, policies),
    ...createUploadFacts(database, clock),
    ...createRestoreFacts(database, clock, policies),
    ...createPolicyFacts(database, clock),
    async check() {
      await database.check()
      await database.read.selectFrom('repositories').select('id').limit(1).execute()
    },
  }
}
