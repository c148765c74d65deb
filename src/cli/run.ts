import { Command, CommanderError } from 'commander'
import { readVersion } from '../app/product.ts'
import { gatherOpensslLine } from './command-line/openssl-line.ts'
import { parsePlaceFlags, repeatPlace } from './command-line/own-commands.ts'
import { CliError, EXIT } from './errors/cli-error.ts'
import { describeError, formatError } from './errors/describe-error.ts'
import { type Io, processIo } from './io.ts'

/** Adds a command to a program. */
type AddCommand = (program: Command, io: Io) => void

/** Loads each command by its name, in the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  serve: async () => (await import('./commands/serve.ts')).addServeCommand,
  setup: async () => (await import('./commands/setup/setup.ts')).addSetupCommand,
  config: async () => (await import('./commands/config.ts')).addConfigCommand,
  user: async () => (await import('./commands/user/user.ts')).addUserCommand,
  token: async () => (await import('./commands/token/token.ts')).addTokenCommand,
  robot: async () => (await import('./commands/token/robot.ts')).addRobotCommand,
  repo: async () => (await import('./commands/repo/repo.ts')).addRepoCommand,
  manifest: async () => (await import('./commands/manifest.ts')).addManifestCommand,
  tag: async () => (await import('./commands/tag/tag.ts')).addTagCommand,
  group: async () => (await import('./commands/group/group.ts')).addGroupCommand,
  access: async () => (await import('./commands/access/access.ts')).addAccessCommand,
  policy: async () => (await import('./commands/policy/policy.ts')).addPolicyCommand,
  trash: async () => (await import('./commands/trash.ts')).addTrashCommand,
  retention: async () => (await import('./commands/retention/retention.ts')).addRetentionCommand,
  webhook: async () => (await import('./commands/webhook/webhook.ts')).addWebhookCommand,
  audit: async () => (await import('./commands/audit/audit.ts')).addAuditCommand,
  'read-only': async () => (await import('./commands/storage/read-only.ts')).addReadOnlyCommand,
  du: async () => (await import('./commands/du.ts')).addDuCommand,
  quota: async () => (await import('./commands/quota.ts')).addQuotaCommand,
  gc: async () => (await import('./commands/gc/gc.ts')).addGcCommand,
  adopt: async () => (await import('./commands/storage/adopt.ts')).addAdoptCommand,
  leave: async () => (await import('./commands/storage/leave.ts')).addLeaveCommand,
  backup: async () => (await import('./commands/storage/backup.ts')).addBackupCommand,
  restore: async () => (await import('./commands/storage/restore.ts')).addRestoreCommand,
  scrub: async () => (await import('./commands/storage/scrub.ts')).addScrubCommand,
  migrate: async () => (await import('./commands/storage/migrate.ts')).addMigrateCommand,
  status: async () => (await import('./commands/status.ts')).addStatusCommand,
  top: async () => (await import('./commands/status.ts')).addTopCommand,
  site: async () => (await import('./commands/site.ts')).addSiteCommand,
  doctor: async () => (await import('./commands/doctor.ts')).addDoctorCommand,
  cert: async () => (await import('./commands/cert/cert.ts')).addCertCommand,
  login: async () => (await import('./commands/login.ts')).addLoginCommand,
  health: async () => (await import('./commands/health.ts')).addHealthCommand,
  'support-bundle': async () => (await import('./commands/support-bundle.ts')).addSupportBundleCommand,
  selftest: async () => (await import('./commands/selftest.ts')).addSelftestCommand,
  completion: async () => (await import('./commands/completion.ts')).addCompletionCommand,
  version: async () => (await import('./commands/version.ts')).addVersionCommand,
}

const EXAMPLES = `
Examples:
  berth serve                                start on http://127.0.0.1:5000, data in ./berth-data
  berth user add alice                       make an account, also while the server runs
  berth repo list                            what the registry holds
  berth selftest --username admin            push and pull through a running registry
  berth COMMAND --help                       what a command takes

Exit codes: 0 done, 1 failed, 2 wrong usage.`

/** Runs a command line, without the names of the program, and returns the exit code. It does not throw. */
export async function run(argv: readonly string[], io: Io = processIo()): Promise<number> {
  const [first = ''] = argv
  // Completion names all commands.
  const only = first === 'completion' ? '' : first
  const program = await buildProgram(io, { isJson: argv.includes('--json'), only })
  try {
    await program.parseAsync(gatherOpensslLine(argv), { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return reportCommanderError(error, argv, io)
    return reportError(error, argv, io)
  }
}

/**
 * All commands, ready to parse a command line; only the one of the name `only` if there is one: a server does not hold
 * the others in memory for good.
 */
export async function buildProgram(
  io: Io,
  { isJson = false, only = '' }: { isJson?: boolean; only?: string } = {},
): Promise<Command> {
  const program = new Command('berth')
    .description('A private, secure home for container images.')
    .option('--config <FILE>', "settings: a berth.yaml, or a config.yml of Distribution's registry")
    .option('--data <DIR>', 'folder of the database and the keys (default: ./berth-data)')
    .option('--database <URL>', 'sqlite, or postgres://USER@HOST:PORT/NAME (default: sqlite)')
    .option('--database-password-file <FILE>', 'file with the password of the PostgreSQL user')
    .option('--json', 'print JSON, for programs')
    .version(readVersion(), '-V, --version', 'print the version')
    .addHelpText('after', EXAMPLES)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Help after a mistake goes to standard error; errors are reported in one place below. Programs get only the
      // error.
      writeErr: (text) => void (isJson || io.stderr.write(text)),
      outputError: () => {},
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
    })
    .exitOverride()
  const load = Object.hasOwn(COMMANDS, only) ? COMMANDS[only] : undefined
  const loads = load ? [load] : Object.values(COMMANDS)
  for (const add of await Promise.all(loads.map((load) => load()))) add(program, io)
  return program
}

/** Exit code of commander's end: it ends by throwing, for requested help, too. */
function reportCommanderError(error: CommanderError, argv: readonly string[], io: Io): number {
  if (error.exitCode === 0) return EXIT.done
  // Help in place of a missing command has been printed already.
  if (error.code === 'commander.help') {
    if (!argv.includes('--json')) return EXIT.usage
    return reportError(new CliError('USAGE', 'A command is missing'), argv, io)
  }
  return reportError(usageError(error.message), argv, io)
}

/** Commander's message as an error; its suggestion, if any, becomes the remedy. */
function usageError(text: string): CliError {
  const [what = '', suggestion] = text.replace(/^error: /, '').split(/\s*\n?\((?=Did you mean)/)
  const message = what.charAt(0).toUpperCase() + what.slice(1)
  return new CliError('USAGE', message, suggestion ? { remedy: suggestion.replace(/\)$/, '') } : {})
}

function reportError(error: unknown, argv: readonly string[], io: Io): number {
  const described = describeError(error)
  const remedy = repeatPlace(described.remedy, parsePlaceFlags(argv))
  const report = { ...described, remedy }
  const { code, message, exit } = report
  // Searched in the raw words: an unparseable line has no options.
  const isJson = argv.includes('--json')
  const line = isJson ? JSON.stringify({ error: { code, message, remedy } }) : formatError(report)
  io.stderr.write(`${line}\n`)
  return exit
}
