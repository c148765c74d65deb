import type { Database } from '../../database/database.ts'
import { noteWork } from '../collection/note-work.ts'
import { PolicyReader } from '../queries/policies/policy-reader.ts'
import { refuseWhileReadOnly } from '../queries/switches.ts'
import type { RetentionFacts } from '../retention-facts.ts'
import type { MetadataSchema } from '../schema.ts'
import { expireTags } from './expire-tags.ts'
import { findHistoryEnd } from './find-outdated.ts'
import { findProtected } from './find-protected.ts'
import { findStored, hasLabels, listRetained, listUntagged } from './list-retained.ts'
import { createRunLog } from './runs.ts'
import { createTurns } from './turns.ts'

/** {@link RetentionFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createRetentionFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): RetentionFacts {
  const { read, transaction } = database
  const policies = new PolicyReader()
  return {
    now: clock,
    listRetained: (repository, page) => listRetained(read, repository, page),
    hasLabels: (repository) => hasLabels(read, repository),
    findStored: (repository, digests) => findStored(read, repository, digests),
    findProtected: (repository, digests) => findProtected(read, { repository, digests, now: clock() }),
    findHistoryEnd: () => findHistoryEnd(read),
    expireTags: (repository, images, basis) =>
      transaction((tx) => expireTags(tx, { repository, images, basis, policies, now: clock() })),
    listUntagged: (repository, page) => listUntagged(read, repository, page),
    noteWork: () => noteWork(database, clock(), 'retention'),
    ...createTurns(database, clock),
    ...createRunLog(database, clock),
  }
}

/** The same for a server: ending tags fails with `OciError` `UNSUPPORTED` while the registry is read-only. */
export function createServerRetentionFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): RetentionFacts {
  const { expireTags } = createRetentionFacts(refuseWhileReadOnly(database, clock), clock)
  return { ...createRetentionFacts(database, clock), expireTags }
}
