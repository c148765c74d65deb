import type { RegistryClient } from '../../client/registry-client.ts'
import type { RepairSource } from '../../upkeep/scrub/repair.ts'

/** A registry over HTTP from which damaged content is fetched. */
export function createRepairSource(client: Pick<RegistryClient, 'pullBlob' | 'getManifest'>): RepairSource {
  return {
    pullBlob: (repository, digest, signal) => client.pullBlob(repository, digest, signal),
    pullManifest: async (repository, digest, signal) =>
      (await client.getManifest(repository, digest, signal)).bytes,
  }
}
