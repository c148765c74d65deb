import type { RegistryClient } from '../../client/registry-client.ts'
import type { RepairSource } from '../../upkeep/scrub/repair.ts'

/** A registry over HTTP from which damaged content is fetched. */
export function createRepairSource(client: Pick<RegistryClient, 'pullBlob' | 'getManifest'>): RepairSource {
  return {
    pullBlob: (repository, digest) => client.pullBlob(repository, digest),
    pullManifest: async (repository, digest) => (await client.getManifest(repository, digest)).bytes,
  }
}
