import type { Principal } from '../access/principal.ts'
import type { RuleSource } from '../access/rule-source.ts'
import type { RepositoryManager } from '../registry/repositories.ts'

/** Use-cases and settings of the admin API: those that commands have, too. */
export interface ConsoleParts {
  /** Of this server. */
  readonly version: string
  readonly rules: RuleSource
  /** Operations on repositories, of which the history names an account as the author. */
  repositoriesOf(author: Principal): RepositoryManager
  /** Errors: `OciError` `UNSUPPORTED` if deleting is turned off in this registry. */
  requireDelete(): void
}
