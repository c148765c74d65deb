import type { OpenData } from '../app/open-data.ts'
import type { CommandContext } from './command-context.ts'

/** Opens the data of the settings. Loaded when it is needed: help and mistakes are told without starting the server's parts. */
export async function openDataOf(context: CommandContext): Promise<OpenData> {
  const { config } = context.loadConfig()
  const { openData } = await import('../app/open-data.ts')
  return await openData(config)
}
