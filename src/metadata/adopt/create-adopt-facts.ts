import type { Database } from '../../database/database.ts'
import type { AdoptFacts, RepositoryOutcome } from '../adopt-facts.ts'
import { PolicyReader } from '../queries/policies/policy-reader.ts'
import { findRepositoryId } from '../queries/repositories.ts'
import type { MetadataSchema } from '../schema.ts'
import { adoptManifests } from './adopt-manifests.ts'
import { adoptRepository } from './adopt-repository.ts'
import { adoptTags, judgeTags } from './adopt-tags.ts'
import { findDeletion } from './find-deletion.ts'
import { findHeld } from './find-held.ts'
import { queueUnneeded } from './queue-unneeded.ts'

/** {@link AdoptFacts} in SQL. `clock` gives milliseconds since 1970. */
export function createAdoptFacts(
  database: Database<MetadataSchema>,
  clock: () => number = database.now,
): AdoptFacts {
  const { read, transaction } = database
  const policies = new PolicyReader()
  return {
    async findKnownBlobs(repository, digests) {
      const id = await findRepositoryId(read, repository)
      return id === undefined ? new Set() : findHeld(read, 'repository_blobs', { id, digests })
    },
    async findKnownManifests(repository, digests) {
      const id = await findRepositoryId(read, repository)
      return id === undefined ? new Set() : findHeld(read, 'manifests', { id, digests })
    },
    adoptManifests: (repository, manifests, rules) =>
      transaction((tx) => adoptManifests(tx, { repository, manifests, rules, now: clock() })),
    adoptTags: (repository, tags, by) =>
      transaction((tx) => adoptTags(tx, { repository, tags, by, policies, now: clock() })),
    adoptRepositories: (repositories, options) =>
      transaction(async (tx) => {
        const outcomes: RepositoryOutcome[] = []
        const act = { ...options, policies, now: clock() }
        for (const repository of repositories) outcomes.push(await adoptRepository(tx, repository, act))
        return outcomes
      }),
    async previewTags(repository, tags) {
      const id = await findRepositoryId(read, repository)
      return judgeTags(read, { repository, id, tags })
    },
    findDeletion: (repository) => findDeletion(read, repository),
    queueUnneeded: (repository) => queueUnneeded(database, { repository, now: clock() }),
    analyze: database.analyze,
  }
}
