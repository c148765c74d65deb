import type { Command } from 'commander'
import type { RegistryLists } from '../../client/admin/remote-lists.ts'
import type { CommandContext } from './command-context.ts'
import { openDataOf } from './open-data.ts'
import { parseServerUrl, requireLogin } from './stored-logins.ts'

/** Adds `--server`, which lets a command read from a server in place of the data folder. */
export function addServerFlag(command: Command): Command {
  return command.option('--server <URL>', 'of a server elsewhere, with the account of "berth login"')
}

/** True if `--server` was given. */
export function isRemote({ flags }: CommandContext): boolean {
  return typeof flags.server === 'string'
}

/** Opens the lists of the data folder, or those of the server that `--server` names. */
export async function openListsOf(context: CommandContext): Promise<RegistryLists> {
  const { server } = context.flags
  if (typeof server !== 'string') return openDataOf(context)
  const login = await requireLogin(context.io, parseServerUrl(server))
  const { createRemoteLists } = await import('../../client/admin/remote-lists.ts')
  return createRemoteLists(login)
}
