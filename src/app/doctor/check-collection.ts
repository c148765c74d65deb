import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { createCollectionFacts } from '../../metadata/collection/create-collection-facts.ts'
import { createRoundFacts } from '../../metadata/collection/create-round-facts.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import { findLate } from '../collection/find-late.ts'
import { type Finding, failed, ok, warning } from './finding.ts'

const CHECK = 'upkeep'

/** Checks that what is no longer needed is removed. */
export async function checkCollection(
  config: Config,
  database: Database<MetadataSchema>,
): Promise<Finding[]> {
  if (!config.collect) {
    const remedy = 'Run "berth gc" regularly, or set collect to true'
    return [warning(CHECK, 'The server removes nothing by itself: collect is false', remedy)]
  }
  const late = await findLate({
    config,
    facts: createCollectionFacts(database),
    rounds: createRoundFacts(database),
    switches: createSqlMetadata(database),
    now: database.now,
  })
  if (!late) return [ok(CHECK, 'Nothing has been due for removal for more than a day')]
  return [
    failed(
      CHECK,
      `Content is due for removal since ${late.toISOString()}, and was not removed: no space is freed`,
      'See that the server runs, and what "berth gc status" and its log say; "berth gc" removes it now',
    ),
  ]
}
