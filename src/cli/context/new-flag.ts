import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'

/**
 * Adds `--new`, which lets a command make a missing data folder, database or CA. Without it a missing one is an error:
 * most often the path is wrong. Existing ones are never replaced.
 */
export function addNewFlag(command: Command, what: string): Command {
  return command.option('--new', `make ${what}, if there is none yet; what exists is never replaced`)
}

/** True if `--new` was given. */
export function mayMake({ flags }: CommandContext): boolean {
  return flags.new === true
}
