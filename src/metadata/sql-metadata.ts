import type { Database } from '../database/database.ts'
import type { Metadata } from './metadata.ts'
import { createBlobFacts } from './queries/content/blob-facts.ts'
import { createManifestFacts } from './queries/content/manifest-facts.ts'
import { createRepositoryFacts } from './queries/content/repository-facts.ts'
import { createUploadFacts } from './queries/content/upload-facts.ts'
import { createRestoreFacts } from './queries/trash/restore.ts'
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
