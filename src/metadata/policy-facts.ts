import type { PolicyDocument } from '../policies/policy-document.ts'

/** The policies in force. */
export interface StoredPolicies {
  /** 0: none were ever set; each change adds one. */
  readonly version: number
  readonly document: PolicyDocument
  /** Undefined if none were ever set. */
  readonly changedAt: Date | undefined
  /** Name of the account, or `(command)`; undefined: unknown. */
  readonly changedBy: string | undefined
}

/** The document of policies, which is one row. Errors of all: as of `Metadata`. */
export interface PolicyFacts {
  /** Errors: `UNAVAILABLE` if a newer version of Berth wrote policies that this one cannot read. */
  readPolicies(): Promise<StoredPolicies>
  /**
   * Puts a document in the place of that of the version `expected`. Returns the new version; undefined if the version is
   * another one: then nothing changes.
   */
  replacePolicies(
    document: PolicyDocument,
    options: { expected: number; by?: string | undefined },
  ): Promise<number | undefined>
}
