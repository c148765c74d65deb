import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { TopKind } from '../../app/status/activity.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { loadWithoutDomain } from '../context/load-without-domain.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { formatStatus, formatTop } from '../output/status-screen.ts'

const STATUS_EXAMPLES = `
Examples:
  berth status                   the server of ./berth-data: load, transfers, sites, certificates, disk, backup
  berth status --watch           the same, again every two seconds, until Ctrl-C
  berth status --json

Only the user of the server, and root, may read it. Exit code 1 if no server answers; what the data folder knows is
printed all the same.`

const TOP_EXAMPLES = `
Examples:
  berth top                      the busiest repositories of the last minute
  berth top --by client --limit 5
  berth top --by site            the hosts of the front door, the registry's own among them
  berth top --watch`

/** Pause between two screens, in milliseconds. */
const WATCH_MS = 2_000
/** Moves the cursor to the first place, and clears what follows. */
const CLEAR = '\u001b[H\u001b[J'
const DEFAULT_LIMIT = '15'

/** `berth status`. */
export function addStatusCommand(program: Command, io: Io): void {
  program
    .command('status')
    .description('Show what the running server does, and the state of its data.')
    .option('--watch', 'show it again every two seconds')
    .addHelpText('after', STATUS_EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const config = loadWithoutDomain(context)
      const { readStatus } = await import('../../app/status/read-status.ts')
      await repeat(context, async () => {
        const status = await readStatus(config)
        const { server, data } = status
        const text = formatStatus(status, config.dataDir)
        return { value: { server: server ?? null, data }, text, isRunning: server !== undefined }
      })
    })
}

/** `berth top`. */
export function addTopCommand(program: Command, io: Io): void {
  program
    .command('top')
    .description('Show the busiest repositories, clients or sites of the running server.')
    .option('--by <WHAT>', 'repository, client or site', 'repository')
    .option('--limit <N>', 'rows', DEFAULT_LIMIT)
    .option('--watch', 'show it again every two seconds')
    .addHelpText('after', TOP_EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { by, limit } = readTopFlags(context)
      const { dataDir } = loadWithoutDomain(context)
      const { readServerStatus } = await import('../../app/status/read-status.ts')
      await repeat(context, async () => {
        const server = await readServerStatus(dataDir)
        if (!server) return { value: { by, top: null }, text: '', isRunning: false }
        return {
          value: { by, top: server.top[by].slice(0, limit) },
          text: formatTop(server, by, limit),
          isRunning: true,
        }
      })
    })
}

function readTopFlags({ flags }: CommandContext): { by: TopKind; limit: number } {
  const by = flags.by
  if (by !== 'repository' && by !== 'client' && by !== 'site')
    throw new CliError('USAGE', '--by must be "repository", "client" or "site"')
  const limit = Number(flags.limit)
  if (!Number.isInteger(limit) || limit < 1)
    throw new CliError('USAGE', '--limit must be a whole number from 1')
  return { by, limit }
}

interface Screen {
  readonly value: unknown
  readonly text: string
  readonly isRunning: boolean
}

/** Prints a screen, or with `--watch` one after the other. Errors: `CliError` `NO_SERVER`. */
async function repeat(context: CommandContext, read: () => Promise<Screen>): Promise<void> {
  const { io, flags, isJson } = context
  for (;;) {
    const { value, text, isRunning } = await read()
    if (flags.watch === true && io.isOutputTerminal && !isJson) io.stdout.write(CLEAR)
    if (isRunning || text !== '') printResult(context, value, text)
    if (!isRunning) {
      throw new CliError('NO_SERVER', 'No server answers on this data folder')
    }
    if (flags.watch !== true) return
    await sleep(WATCH_MS)
  }
}
