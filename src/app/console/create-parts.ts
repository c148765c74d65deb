import { nameOf, type Principal } from '../../access/principal.ts'
import { createAccessManager } from '../../access/stored/create-access-manager.ts'
import type { AccountManager } from '../../accounts/accounts.ts'
import type { ConsoleParts, ContentManagers } from '../../console/console-parts.ts'
import type { NewEvent } from '../../events/event.ts'
import { recordEvent } from '../../events/record-event.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import { OciError } from '../../oci/errors.ts'
import { createImageDescriber } from '../../registry/describe-image.ts'
import { createInUseManager } from '../../registry/manage-in-use.ts'
import { createPolicyManager } from '../../registry/manage-policies.ts'
import { createRepositoryManager } from '../../registry/manage-repositories.ts'
import { createTagLister } from '../../registry/manage-tags.ts'
import { createLogInManager } from '../../tokens/refresh/log-ins.ts'
import { forgetFirstPassword } from '../data/first-admin.ts'
import { accountDirectory } from '../database/account-directory.ts'
import { recordAccountChanges } from '../events/record-accounts.ts'
import { readVersion } from '../product.ts'
import type { ConsoleContext } from './console-context.ts'
import { createServerControl } from './server.ts'
import { createUpkeepControl } from './upkeep.ts'

/** The use-cases of the admin API, over the facts that a server has open. */
export function createConsoleParts(context: ConsoleContext): ConsoleParts {
  const { config, store, contents, rules } = context
  const { metadata } = contents
  const sizes = createSizeFacts(store.database)
  const managersOf = (author: Principal): ContentManagers => {
    const by = nameOf(author)
    const managers = {
      repositories: createRepositoryManager(metadata, sizes, by),
      policies: createPolicyManager(metadata, by),
      inUse: createInUseManager(metadata, by),
    }
    return { ...managers, tags: createTagLister(managers) }
  }
  return {
    version: readVersion(),
    rules,
    access: createAccessManager(store.database, accountDirectory(store.database)),
    keepDays: config.keepDays,
    managersOf,
    images: createImageDescriber({ metadata, sizes }),
    accountsOf: (author) => createAccounts(context, author),
    logIns: createLogInManager(store.database),
    switches: metadata,
    upkeep: createUpkeepControl(context),
    server: createServerControl(context),
    requireDelete() {
      if (config.deleteEnabled) return
      throw new OciError('UNSUPPORTED', { message: 'Deleting is turned off in this registry' })
    },
  }
}

/** The password of the first start no longer counts once it is changed, so that its file goes. */
function createAccounts({ config, store }: ConsoleContext, author: Principal): AccountManager {
  const { database } = store
  const record = (event: NewEvent): Promise<void> =>
    database.transaction((tx) => recordEvent(tx, event, database.now()))
  const accounts = recordAccountChanges<AccountManager>(store.accounts, record, nameOf(author))
  return {
    add: (account) => accounts.add(account),
    async setPassword(name, password) {
      await accounts.setPassword(name, password)
      await forgetFirstPassword(config.dataDir, name)
    },
    async remove(name, options) {
      const left = await accounts.remove(name, options)
      await forgetFirstPassword(config.dataDir, name)
      return left
    },
    findRepositories: (name) => accounts.findRepositories(name),
    releaseNames: (names) => accounts.releaseNames(names),
    setDisabled: (name, isDisabled) => accounts.setDisabled(name, isDisabled),
    list: () => accounts.list(),
    isEmpty: () => accounts.isEmpty(),
  }
}
