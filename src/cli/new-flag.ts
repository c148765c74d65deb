import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'

/**
 * Adds `--new`, which lets a command make a data folder, a database or a CA where there is none. Without it what is
 * missing is an error: most often the folder is the wrong one. What exists is never replaced, with it or without.
 */
export function addNewFlag(command: Command, what: string): Command {
  return command.option('--new', `make ${what}, if there is none yet; what exists is never replaced`)
}

/** Whether `--new` was given. */
export function mayMake({ flags }: CommandContext): boolean {
  return flags.new === true
}
