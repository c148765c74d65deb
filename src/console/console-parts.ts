import type { AccessManager } from '../access/document/access-manager.ts'
import type { Principal } from '../access/principal.ts'
import type { RuleSource } from '../access/rule-source.ts'
import type { AccountManager } from '../accounts/accounts.ts'
import type { ImageDescriber } from '../registry/describe-image.ts'
import type { InUseManager } from '../registry/manage-in-use.ts'
import type { PolicyManager } from '../registry/manage-policies.ts'
import type { TagLister } from '../registry/manage-tags.ts'
import type { RepositoryManager } from '../registry/repositories.ts'
import type { LogInManager } from '../tokens/tokens.ts'
import type { ServerControl } from './server-port.ts'
import type { UpkeepControl } from './upkeep-port.ts'

/** Operations on content, of which the history names one account as the author. */
export interface ContentManagers {
  readonly repositories: RepositoryManager
  readonly tags: TagLister
  readonly policies: PolicyManager
  readonly inUse: InUseManager
}

/** A switch that is on. */
export interface SwitchState {
  readonly since: Date
  readonly by: string | undefined
  readonly reason: string | undefined
  readonly until: Date | undefined
}

/** Switches of the registry. */
interface SwitchControl {
  findSwitch(name: 'read-only' | 'collection-paused'): Promise<SwitchState | undefined>
  turnOn(
    name: 'read-only' | 'collection-paused',
    options: { by?: string | undefined; reason?: string | undefined; forMs?: number | undefined },
  ): Promise<SwitchState>
  turnOff(name: 'read-only' | 'collection-paused'): Promise<boolean>
}

/** Use-cases and settings of the admin API: those that commands have, too. */
export interface ConsoleParts {
  /** Of this server. */
  readonly version: string
  readonly rules: RuleSource
  readonly access: AccessManager
  /** Days for which deleted content can be restored. */
  readonly keepDays: number
  managersOf(author: Principal): ContentManagers
  readonly images: ImageDescriber
  /** Accounts, of whose changes the audit names one as the author. */
  accountsOf(author: Principal): AccountManager
  readonly logIns: LogInManager
  readonly switches: SwitchControl
  readonly upkeep: UpkeepControl
  readonly server: ServerControl
  /** Errors: `OciError` `UNSUPPORTED` if deleting is turned off in this registry. */
  requireDelete(): void
}
