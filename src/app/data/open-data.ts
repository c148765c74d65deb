import type { AccessManager } from '../../access/document/access-manager.ts'
import { createAccessManager } from '../../access/stored/create-access-manager.ts'
import type { AccountManager } from '../../accounts/accounts.ts'
import type { RobotManager, TokenManager } from '../../accounts/secrets.ts'
import type { Config } from '../../config/config.ts'
import { type AuditReader, createAuditReader } from '../../events/audit/audit-reader.ts'
import type { NewEvent } from '../../events/event.ts'
import { recordEvent } from '../../events/record-event.ts'
import { createWebhookManager, type WebhookManager } from '../../events/webhooks/webhook-manager.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import { createSqlMetadata } from '../../metadata/sql-metadata.ts'
import type { SwitchFacts } from '../../metadata/switch-facts.ts'
import { createInUseManager, type InUseManager } from '../../registry/manage-in-use.ts'
import { createPolicyManager, type PolicyManager } from '../../registry/manage-policies.ts'
import { BY_COMMAND, createRepositoryManager } from '../../registry/manage-repositories.ts'
import { createTagLister, type TagLister } from '../../registry/manage-tags.ts'
import type { RepositoryManager } from '../../registry/repositories.ts'
import { createLogInManager } from '../../tokens/refresh/log-ins.ts'
import type { LogInManager } from '../../tokens/tokens.ts'
import { accountDirectory } from '../database/account-directory.ts'
import { refuseLostDatabase } from '../database/lost-database.ts'
import type { DatabaseOptions } from '../database/open-database.ts'
import { recordAccountChanges } from '../events/record-accounts.ts'
import { recordRobotChanges, recordTokenChanges } from '../events/record-secrets.ts'
import { toAppError } from '../faults/system-fault.ts'
import { databaseFile } from '../folders/data-folder.ts'
import { forgetFirstPassword } from './first-admin.ts'
import { openStore } from './open-store.ts'
import { requireFacts } from './require-data.ts'

/** The data of one Berth, open for the operator's commands, whether or not the server runs. */
export interface OpenData extends AsyncDisposable {
  readonly accounts: AccountManager
  readonly tokens: TokenManager
  readonly robots: RobotManager
  readonly repositories: RepositoryManager
  readonly tags: TagLister
  readonly policies: PolicyManager
  readonly access: AccessManager
  readonly inUse: InUseManager
  readonly logIns: LogInManager
  readonly switches: SwitchFacts
  readonly audit: AuditReader
  readonly webhooks: WebhookManager
}

/** Options of opening data. */
interface OpenDataOptions extends Pick<DatabaseOptions, 'onUpdate'> {
  /** True: makes the folder and the database if there are none. */
  readonly mayMake: boolean
  /** True if the command has `--new`, which an error then names. */
  readonly takesNew: boolean
  /** Author of the changes, for the audit log; by default `(command)`. */
  readonly by?: string
}

/**
 * Opens the data folder of a configuration.
 * Errors: `AppError` (`DATA_NOT_FOUND` if there is none and none may be made, `DATABASE_LOST` beside blobs, which only
 * `berth serve --new` makes anew), `DatabaseError`.
 */
export async function openData(
  config: Config,
  { mayMake, takesNew, onUpdate, by = BY_COMMAND }: OpenDataOptions = { mayMake: true, takesNew: false },
): Promise<OpenData> {
  if (mayMake) await refuseLostDatabase(config)
  else await requireFacts(config, { takesNew })
  const store = await openStore(config, { onUpdate })
  const file = databaseFile(config.dataDir)
  const { database } = store
  const metadata = createSqlMetadata(database)
  const managers = {
    repositories: createRepositoryManager(metadata, createSizeFacts(database), by),
    policies: createPolicyManager(metadata, by),
    inUse: createInUseManager(metadata, by),
  }
  const record = (event: NewEvent): Promise<void> =>
    database.transaction((tx) => recordEvent(tx, event, database.now()))
  const recorded = recordAccountChanges<AccountManager>(store.accounts, record, by)
  return {
    accounts: withClearFaults<AccountManager>(recorded, file, async (method, [name]) => {
      // The first password no longer counts.
      if (method === 'setPassword' || method === 'remove')
        await forgetFirstPassword(config.dataDir, String(name))
    }),
    tokens: withClearFaults(recordTokenChanges(store.accounts.tokens, record, by), file),
    robots: withClearFaults(recordRobotChanges(store.accounts.robots, record, by), file),
    repositories: withClearFaults(managers.repositories, file),
    tags: withClearFaults(createTagLister(managers), file),
    policies: withClearFaults(managers.policies, file),
    access: withClearFaults(createAccessManager(store.database, accountDirectory(store.database)), file),
    inUse: withClearFaults(managers.inUse, file),
    switches: withClearFaults<SwitchFacts>(metadata, file),
    logIns: withClearFaults(createLogInManager(store.database), file),
    webhooks: withClearFaults(createWebhookManager(database), file),
    audit: withClearFaults(createAuditReader(database), file),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** The same methods, all of which return promises; a failure of the system becomes the error that a command reports. */
function withClearFaults<T extends object>(
  target: T,
  file: string,
  onDone: (method: string | symbol, args: readonly unknown[]) => Promise<void> = async () => {},
): T {
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return async (...args: unknown[]) => {
        try {
          const result: unknown = await Reflect.apply(member, target, args)
          await onDone(name, args)
          return result
        } catch (error) {
          throw toAppError(error, 'database', file)
        }
      }
    },
  })
}
