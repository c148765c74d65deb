import { Command, CommanderError } from 'commander'
import { gatherOpensslLine } from './command-line/openssl-line.ts'
import { parsePlaceFlags, repeatPlace } from './command-line/own-commands.ts'
import { addCertCommand } from './commands/cert/cert.ts'
import { addConfigCommand } from './commands/config.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addMigrateCommand } from './commands/migrate.ts'
import { addRepoCommand } from './commands/repo.ts'
import { addSelftestCommand } from './commands/selftest.ts'
import { addServeCommand } from './commands/serve.ts'
import { addSiteCommand } from './commands/site.ts'
import { addTagCommand } from './commands/tag.ts'
import { addUserCommand } from './commands/user/user.ts'
import { addVersionCommand } from './commands/version.ts'
import { CliError, EXIT } from './errors/cli-error.ts'
import { describeError, formatError } from './errors/describe-error.ts'
import { type Io, processIo } from './io.ts'
import { readVersion } from './product.ts'

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
  const program = buildProgram(io, argv.includes('--json'))
  try {
    await program.parseAsync(gatherOpensslLine(argv), { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return endOfCommander(error, argv, io)
    return reportError(error, argv, io)
  }
}

/** All commands, ready to parse a command line. */
export function buildProgram(io: Io, isJson = false): Command {
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
  addServeCommand(program, io)
  addConfigCommand(program, io)
  addUserCommand(program, io)
  addRepoCommand(program, io)
  addTagCommand(program, io)
  addMigrateCommand(program, io)
  addSiteCommand(program, io)
  addDoctorCommand(program, io)
  addCertCommand(program, io)
  addSelftestCommand(program, io)
  addVersionCommand(program, io)
  return program
}

/** Exit code of commander's end: it ends by throwing, for requested help, too. */
function endOfCommander(error: CommanderError, argv: readonly string[], io: Io): number {
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
