import type { PolicyFacts, StoredPolicies } from '../metadata/policy-facts.ts'
import type { PolicyDocument } from '../policies/policy-document.ts'
import { PolicyError } from '../policies/policy-error.ts'
import { BY_COMMAND } from './manage-repositories.ts'

/** Operations of the operator's commands on policies. */
export interface PolicyManager {
  read(): Promise<StoredPolicies>
  /**
   * Puts a document in the place of that of the version `expected`; returns the new version. Errors: `PolicyError`
   * `POLICY_CHANGED` if the version is another one.
   */
  replace(document: PolicyDocument, expected: number): Promise<number>
}

/** {@link PolicyManager} over the facts. `by`: author of the changes. */
export function createPolicyManager(facts: PolicyFacts, by: string = BY_COMMAND): PolicyManager {
  return {
    read: () => facts.readPolicies(),
    async replace(document, expected) {
      const version = await facts.replacePolicies(document, { expected, by })
      if (version !== undefined) return version
      throw new PolicyError(
        'POLICY_CHANGED',
        `The policies were changed meanwhile: they are no longer those of version ${expected}`,
        'Run "berth policy export" and repeat the change in that file; without its line "version" a file replaces any version',
      )
    },
  }
}
