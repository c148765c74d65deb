import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import type { CommandContext } from './command-context.ts'

/** Stands for the registry's own name where it is not known: folders are of use to commands without it. */
export const ANY_DOMAIN = 'localhost'

/**
 * The configuration for commands that need folders and no listener: what a server would miss beside them, such as a domain or
 * a certificate, is a mistake of a server's, not of theirs. Errors: `ConfigError`.
 */
export function loadWithoutDomain(context: CommandContext): Config {
  try {
    return context.loadServerConfig().config
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'VALUES_CONFLICT') throw error
    return context.loadServerConfig({ domain: ANY_DOMAIN }).config
  }
}
