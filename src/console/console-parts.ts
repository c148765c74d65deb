import type { Principal } from '../access/principal.ts'
import type { RuleSource } from '../access/rule-source.ts'
import type { AccountManager } from '../accounts/accounts.ts'
import type { ImageDescriber } from '../registry/describe-image.ts'
import type { InUseManager } from '../registry/manage-in-use.ts'
import type { PolicyManager } from '../registry/manage-policies.ts'
import type { TagLister } from '../registry/manage-tags.ts'
import type { RepositoryManager } from '../registry/repositories.ts'
import type { LogInManager } from '../tokens/tokens.ts'

/** Operations on content, of which the history names one account as the author. */
export interface ContentManagers {
  readonly repositories: RepositoryManager
  readonly tags: TagLister
  readonly policies: PolicyManager
  readonly inUse: InUseManager
}

/** Use-cases and settings of the admin API: those that commands have, too. */
export interface ConsoleParts {
  /** Of this server. */
  readonly version: string
  readonly rules: RuleSource
  /** Days for which deleted content can be restored. */
  readonly keepDays: number
  managersOf(author: Principal): ContentManagers
  readonly images: ImageDescriber
  readonly accounts: AccountManager
  readonly logIns: LogInManager
  /** Errors: `OciError` `UNSUPPORTED` if deleting is turned off in this registry. */
  requireDelete(): void
}
