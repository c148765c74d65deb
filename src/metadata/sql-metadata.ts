import type { Database } from '../database/database.ts'
import type { Metadata } from './metadata.ts'
import { createBlobFacts } from './queries/blob-facts.ts'
import { createManifestFacts } from './queries/manifest-facts.ts'
import { createRepositoryFacts } from './queries/repository-facts.ts'
import { createRestoreFacts } from './queries/restore.ts'
import { createUploadFacts } from './queries/upload-facts.ts'
import type { MetadataSchema } from './schema.ts'

/** Facts in an SQL database. `clock` gives milliseconds since 1970. */
export function createSqlMetadata(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): Metadata {
  return {
    ...createBlobFacts(database, clock),
    ...createManifestFacts(database, clock),
    ...createRepositoryFacts(database, clock),
    ...createUploadFacts(database, clock),
    ...createRestoreFacts(database, clock),
    async check() {
      await database.check()
      await database.read.selectFrom('repositories').select('id').limit(1).execute()
    },
  }
}
