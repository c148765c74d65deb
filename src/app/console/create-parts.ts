import type { Principal } from '../../access/principal.ts'
import type { RuleSource } from '../../access/rule-source.ts'
import type { Config } from '../../config/config.ts'
import type { ConsoleParts } from '../../console/console-parts.ts'
import type { Metadata } from '../../metadata/metadata.ts'
import { createSizeFacts } from '../../metadata/sizes/create-size-facts.ts'
import { OciError } from '../../oci/errors.ts'
import { createRepositoryManager } from '../../registry/manage-repositories.ts'
import type { Store } from '../data/open-store.ts'
import { readVersion } from '../product.ts'

/** Dependencies of the admin API. */
interface ConsoleContext {
  readonly config: Config
  readonly store: Store
  readonly metadata: Metadata
  readonly rules: RuleSource
}

/** The use-cases of the admin API, over the facts that a server has open. */
export function createConsoleParts({ config, store, metadata, rules }: ConsoleContext): ConsoleParts {
  const sizes = createSizeFacts(store.database)
  return {
    version: readVersion(),
    rules,
    repositoriesOf: (author) => createRepositoryManager(metadata, sizes, authorOf(author)),
    requireDelete() {
      if (config.deleteEnabled) return
      throw new OciError('UNSUPPORTED', { message: 'Deleting is turned off in this registry' })
    },
  }
}

function authorOf(principal: Principal): string {
  return principal.kind !== 'anonymous' ? principal.name : '(anonymous)'
}
