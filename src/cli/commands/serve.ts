import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { FirstAdmin } from '../../app/data/first-admin.ts'
import { writeServerRecord } from '../../app/folders/server-record.ts'
import { readVersion } from '../../app/product.ts'
import type { StartFacts } from '../../app/start.ts'
import type { LoadedConfig } from '../../config/show/loaded-config.ts'
import { recordSettings } from '../../config/sources/recorded.ts'
import { createLogger, flushLogger, openStandardOutput } from '../../log/logger.ts'
import { RecentLines } from '../../log/recent-lines.ts'
import { repeatPlace } from '../command-line/own-commands.ts'
import { addSettingFlags } from '../command-line/setting-flags.ts'
import { type CommandContext, createContext, findConfigFile } from '../context/command-context.ts'
import { mayMake } from '../context/new-flag.ts'
import type { Io } from '../io.ts'
import { formatWelcome } from '../output/welcome.ts'
import { openServiceManager } from '../process/service-manager.ts'
import { shrinkHeapSoon } from '../process/shrink-heap.ts'
import { handleSignals } from '../process/stop-signal.ts'
import { offerAdoption } from './storage/offer-adoption.ts'

const EXAMPLES = `
Examples:
  berth serve                                http://127.0.0.1:5000, which Docker takes without TLS
  berth serve --data /var/lib/berth --tls-cert registry.crt --tls-key registry.key
  berth serve --config berth.yaml
  BERTH_LOG_LEVEL=debug berth serve

The first start makes the user "admin". The password is shown once on a terminal; anywhere else it is in the
file first-password of the data folder. Ctrl-C stops: requests under way may end first, a second Ctrl-C does
not wait for them. A flag with [BOOL] alone means true; --relative-urls false means false. Each flag can
also be a variable or a key of berth.yaml; "berth config" shows what holds, docs/configuration.md explains it.`

/** `berth serve`. */
export function addServeCommand(program: Command, io: Io): void {
  addSettingFlags(program.command('serve'))
    .description('Start the registry.')
    .addHelpText('after', EXAMPLES)
    .option(
      '--new',
      'make an empty database beside blobs whose database is lost; what exists is never replaced',
    )
    .option('--adopt', 'take over the repositories of the Distribution registry in this folder first')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const loaded = context.loadConfig()
      const { config } = loaded
      const recent = new RecentLines()
      const output = openStandardOutput({ isShared: config.workers > 1 })
      const logger = createLogger(config.log, output, recent)
      await offerAdoption(context, config)
      using signals = handleSignals()
      using manager = openServiceManager(process.env, logger)
      // A full disk under the log, or a reader that is gone, must not end a server.
      io.stdout.on('error', ignore)
      // Loaded here: help and the other commands do not need the server's parts.
      const [{ startBerth }, { takePassedSockets }] = await Promise.all([
        import('../../app/start.ts'),
        import('../../app/door/passed-sockets.ts'),
      ])
      const running = await startBerth(takePassedSockets(config, process.env), logger, {
        userAgent: `Berth/${readVersion()}`,
        configFile: findConfigFile(context),
        recent,
        mayMakeDatabase: mayMake(context),
        isSeen: io.isOutputTerminal,
        beforeListening: () => signals.catchStops(),
        announce: (facts) => announce(facts, { context, loaded, logger }),
      })
      signals.started()
      manager.ready(running.urls)
      shrinkHeapSoon()
      const signal = await signals.received
      logger.info({ signal }, 'stopping')
      manager.stopping(config.drainTimeoutS)
      await running.stop()
      logger.info('stopped')
      await flushLogger(logger)
      io.stdout.off('error', ignore)
    })
}

interface Announcer {
  readonly context: CommandContext
  readonly loaded: LoadedConfig
  readonly logger: Logger
}

/** Writes the message after the start; false if standard output does not take it. */
async function announce(
  { urls, firstAdmin }: StartFacts,
  { context, loaded, logger }: Announcer,
): Promise<boolean> {
  const { config } = loaded
  await recordServer(loaded, urls, logger)
  if (firstAdmin && loaded.sources.data === 'default') await warnOfSecondFolder(config.dataDir, logger)
  if (firstAdmin?.passwordFile !== undefined) {
    const { name, passwordFile } = firstAdmin
    logger.info({ file: passwordFile }, `the administrator "${name}" was made; the password is in the file`)
  }
  // The log reaches standard output by its own way: earlier lines must be read first.
  await flushLogger(logger)
  const text = context.isJson
    ? `${JSON.stringify({ urls, firstAdmin: firstAdmin ? toJson(firstAdmin) : null })}\n`
    : formatWelcome({
        urls,
        publicUrl: config.publicUrl,
        domain: config.frontDoor?.domains[0],
        firstAdmin,
        dataDir: config.dataDir,
        passwdCommand: commandHere(context, `berth user passwd ${firstAdmin?.name ?? ''}`),
      })
  const { stdout } = context.io
  return await new Promise((resolve) => stdout.write(text, (error) => resolve(!error)))
}

/** A command for the data of this start, as typed in the place of the start. */
function commandHere({ flags }: CommandContext, command: string): string {
  return repeatPlace(`"${command}"`, flags).slice(1, -1)
}

/** A password that is in a file, or was given, is not printed. */
function toJson({ name, password, passwordFile, isGiven }: FirstAdmin): object {
  if (isGiven) return { name }
  return passwordFile === undefined ? { name, password } : { name, passwordFile }
}

function ignore(): void {}

/**
 * Warns of a first start without a data folder beside a server with one: most often it was started in a wrong folder.
 */
async function warnOfSecondFolder(dataDir: string, logger: Logger): Promise<void> {
  const { inWords, serversElsewhere } = await import('../../app/data/require-data.ts')
  const others = await serversElsewhere(dataDir)
  if (others.length > 0)
    logger.warn(`this start has made a new data folder, ${dataDir}, but ${inWords(others)}`)
}

/**
 * Records the server's settings for commands on the data folder. After a failure commands need them as flags, and
 * serving goes on.
 */
async function recordServer(loaded: LoadedConfig, urls: readonly string[], logger: Logger): Promise<void> {
  const { dataDir } = loaded.config
  const record = { startedAt: new Date().toISOString(), urls, settings: recordSettings(loaded, urls) }
  try {
    await writeServerRecord(dataDir, record)
  } catch (err) {
    logger.warn({ err }, 'commands will not find the settings of this server: server.json cannot be written')
  }
}
