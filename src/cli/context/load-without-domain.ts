import type { Config } from '../../config/config.ts'
import { ConfigError } from '../../config/config-error.ts'
import type { LoadedConfig } from '../../config/show/loaded-config.ts'
import type { CommandContext } from './command-context.ts'

/** Placeholder for the registry's own name where it is unknown: commands can use folders without it. */
export const ANY_DOMAIN = 'localhost'

/**
 * The configuration for commands that need folders and no listener: a missing domain or certificate is an error for a
 * server only. `more`: flags that count
 * before those of the command. Errors: `ConfigError`.
 */
export function loadWithoutDomain(
  context: CommandContext,
  more: Readonly<Record<string, unknown>> = {},
): Config {
  return loadLoosely(context, more).config
}

/** The same with the source of each setting. */
export function loadLoosely(
  context: CommandContext,
  more: Readonly<Record<string, unknown>> = {},
): LoadedConfig {
  try {
    return context.loadServerConfig(more)
  } catch (error) {
    if (!(error instanceof ConfigError) || error.code !== 'VALUES_CONFLICT') throw error
    return context.loadServerConfig({ ...more, domain: ANY_DOMAIN })
  }
}
