import type { RuleSet } from '../rules.ts'
import type { AccessDocument } from './access-document.ts'

/** A document that was read, and its version. */
export interface VersionedAccess {
  readonly document: AccessDocument
  /** Grows with each change; 0: nothing was ever set. */
  readonly version: number
  readonly changedAt: Date | undefined
  readonly changedBy: string | undefined
}

/** A change that was made. */
export interface AccessChange {
  readonly before: AccessDocument
  readonly after: AccessDocument
  readonly version: number
}

/** Manages groups, rules and visibility, for commands and the admin API. */
export interface AccessManager {
  read(): Promise<VersionedAccess>
  /** The rules as requests are decided by, and the names of ids in them. */
  readRules(): Promise<{ readonly rules: RuleSet; readonly names: ReadonlyMap<string, string> }>
  /**
   * Changes the document in one transaction: `edit` may be called several times. A result that does not differ changes no
   * version. Errors: `AccessError` `ACCESS_CHANGED` if the version is not `expected`, `ACCESS_INVALID` for accounts that do
   * not exist; those of `edit`.
   */
  change(
    edit: (document: AccessDocument) => AccessDocument,
    options?: {
      readonly by?: string
      readonly expected?: number | undefined
      /** True: everything is checked, and nothing changed. */
      readonly isDry?: boolean
    },
  ): Promise<AccessChange>
}
