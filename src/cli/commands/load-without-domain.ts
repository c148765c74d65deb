import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/config-error.ts'
import { loadConfig } from '../../config/load-config.ts'
import type { CommandContext } from '../command-context.ts'

/** Stands for the registry's own name where it is not known: folders are of use to commands without it. */
export const ANY_DOMAIN = 'localhost'

/**
 * The configuration for commands that look at the folders of a front door: a folder without a domain is a mistake of a
 * server's, not of theirs. Errors: `ConfigError`.
 */
export function loadWithoutDomain(context: CommandContext): Config {
  try {
    return context.loadConfig().config
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'VALUES_CONFLICT') throw error
    const { io, flags } = context
    return loadConfig({ flags: { ...flags, domain: ANY_DOMAIN }, env: io.env, cwd: io.cwd }).config
  }
}
