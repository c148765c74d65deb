import type { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { contextOf, printResult } from '../command-context.ts'
import type { Io } from '../io.ts'
import { sentence } from '../sentence.ts'
import { addSettingFlags } from '../setting-flags.ts'

const EXAMPLES = `
Examples:
  berth doctor --domain registry.example.com   with the settings of the server
  berth doctor --config berth.yaml --json

It only looks: DNS, ports, clock, the certificate chain as Docker sees it, the Docker socket, the disk, vhost files and
password files.
Give it the same settings as "berth serve". Exit code 1 if something does not work.`

/** `berth doctor`. */
export function addDoctorCommand(program: Command, io: Io): void {
  addSettingFlags(program.command('doctor'))
    .description(
      'Say what is wrong with DNS, ports, clock, certificates, Docker and disk, and how to mend it.',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = contextOf(command, io)
      const { examine } = await import('../../app/doctor/examine.ts')
      const findings = await examine(context.loadConfig().config)
      const lines = findings.map(
        ({ check, state, message, remedy }) =>
          `${MARKS[state]}  ${check.padEnd(12)} ${sentence(message)}${remedy === undefined ? '' : `\n${' '.repeat(23)}→ ${sentence(remedy)}`}`,
      )
      printResult(context, { findings }, lines.join('\n'))
      const failed = findings.filter(({ state }) => state === 'failed').length
      if (failed > 0) {
        throw new CliError(
          'DOCTOR_FOUND',
          `${failed === 1 ? 'One thing does' : `${failed} things do`} not work`,
        )
      }
    })
}

const MARKS = { ok: 'ok      ', warning: 'warning ', failed: 'FAILED  ', skipped: 'skipped ' } as const
