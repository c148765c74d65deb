import type { InUseFacts, Pin } from '../metadata/in-use-facts.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { BY_COMMAND } from './manage-repositories.ts'

/** Operations of the operator's commands on content in use. */
export interface InUseManager {
  /** Pins the manifest that a reference names now; undefined if there is none. */
  pin(target: {
    repository: RepositoryName
    reference: Reference
    reason?: string | undefined
  }): Promise<Pin | undefined>
  /** Ends pins; returns their digests. See {@link InUseFacts.unpin}. */
  unpin(repository: RepositoryName, reference: Reference): Promise<Digest[]>
  /** Pins of one repository, or of all; at most `limit`. */
  listPins: InUseFacts['listPins']
  /** Images that containers run; at most `limit`. */
  listRunning: InUseFacts['listRunning']
  /** Those of the manifests that are in use, with the reason. */
  describe: InUseFacts['describeInUse']
}

/** {@link InUseManager} over the facts. `by`: author of the changes. */
export function createInUseManager(facts: InUseFacts, by: string = BY_COMMAND): InUseManager {
  return {
    pin: (target) => facts.pin(target, by),
    unpin: (repository, reference) => facts.unpin(repository, reference, by),
    listPins: (selection) => facts.listPins(selection),
    listRunning: (limit) => facts.listRunning(limit),
    describe: (repository, digests) => facts.describeInUse(repository, digests),
  }
}
