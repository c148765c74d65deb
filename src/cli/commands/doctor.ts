import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { MASK } from '../../config/database.ts'
import { OPTION_LIST } from '../../config/options/options.ts'
import { quoteWord } from '../command-line/openssl-line.ts'
import { repeatPlace } from '../command-line/own-commands.ts'
import { addSettingFlags, GLOBAL_FLAGS } from '../command-line/setting-flags.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { CliError } from '../errors/cli-error.ts'
import { sentence } from '../errors/sentence.ts'
import type { Io } from '../io.ts'

const EXAMPLES = `
Examples:
  berth doctor                                 with the settings of the server
  berth doctor --domain registry.example.com   before a start with these settings
  berth doctor --config berth.yaml --json

Without settings it takes those of the server that runs on the data folder, or ran there last; with settings it judges
these, before a start. It only looks: the database, DNS, ports, clock, the certificate chain as Docker sees it, the Docker socket, the disk, vhost files and
password files.
Exit code 1 if something does not work.`

/** `berth doctor`. */
export function addDoctorCommand(program: Command, io: Io): void {
  addSettingFlags(program.command('doctor'))
    .description(
      'Check database, DNS, ports, clock, certificates, Docker and disk: each fault with its remedy.',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const { examine } = await import('../../app/doctor/examine.ts')
      const findings = await examine(settingsFor(context))
      const lines = findings.map(
        ({ check, state, message, remedy }) =>
          `${MARKS[state]}  ${check.padEnd(12)} ${sentence(message)}${remedy === undefined ? '' : `\n${' '.repeat(23)}→ ${sentence(remedy)}`}`,
      )
      const text = lines.join('\n').replaceAll('"berth serve"', `"${serveCommand(context.flags)}"`)
      printResult(context, { findings }, repeatPlace(text, context.flags))
      const failed = findings.filter(({ state }) => state === 'failed').length
      if (failed > 0) {
        throw new CliError(
          'DOCTOR_FOUND',
          `${failed === 1 ? 'One thing does' : `${failed} things do`} not work`,
        )
      }
    })
}

/** Given settings, from flags or a file, are judged by themselves, not mixed with those of a running server. */
function settingsFor(context: CommandContext): Config {
  const names = ['config', ...OPTION_LIST.map(({ name }) => name)]
  const isGiven = names.some(
    (name) => !GLOBAL_FLAGS.some((flag) => flag === name) && context.flags[name] !== undefined,
  )
  return (isGiven ? context.loadConfig() : context.loadServerConfig()).config
}

/** The command that was judged: `berth serve` with each setting that was given as a flag. */
function serveCommand(flags: CommandContext['flags']): string {
  const given = OPTION_LIST.flatMap(({ name, secret }) => {
    const value = flags[name]
    if (GLOBAL_FLAGS.includes(name) || value === undefined) return []
    if (secret) return `--${name} ${MASK}`
    return value === true ? `--${name}` : `--${name} ${quoteWord(String(value))}`
  })
  return ['berth serve', ...given].join(' ')
}

const MARKS = { ok: 'ok      ', warning: 'warning ', failed: 'FAILED  ', skipped: 'skipped ' } as const
