import type { Command } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'

/** A link of the chain, as the command prints it. */
const LINK = /^(\d{1,15}):([0-9a-f]{64})$/

const FINDINGS = {
  missing: 'was removed',
  changed: 'was changed',
  'columns-changed': 'has columns that differ from its content',
  'end-changed': 'is not the end that was recorded: events at the end were removed or added',
  'expected-differs':
    'is not the one of --expect: the log was written anew, or events at its end were removed',
} as const

/** `berth audit verify`. */
export function addAuditVerify(audit: Command, io: Io): void {
  audit
    .command('verify')
    .description(
      'Recompute the chain of hashes over all events, and name the first that was removed or changed.',
    )
    .option('--expect <POSITION:HASH>', 'an end that an earlier run printed, kept on another machine')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const expected = readExpected(context.flags.expect)
      await using data = await openDataOf(context)
      const { broken, checked, anchor, end } = await data.audit.verify(expected)
      if (expected && expected.position < anchor)
        throw new CliError(
          'USAGE',
          `The event of --expect was removed by age or size, as all up to position ${anchor}`,
        )
      if (broken) {
        throw new CliError(
          'AUDIT_BROKEN',
          `The event at position ${broken.position} ${FINDINGS[broken.kind]}`,
        )
      }
      const removed = anchor === 0 ? '' : `; those up to position ${anchor} were removed by age or size`
      const text = [
        `${checked} events are as they were written${removed}`,
        `Their end, to be kept on another machine for --expect: ${end.position}:${end.hash}`,
      ]
      printResult(context, { checked, anchor, end }, text.join('\n'))
    })
}

function readExpected(value: unknown): { position: number; hash: string } | undefined {
  if (value === undefined) return undefined
  const [, position, hash] = LINK.exec(String(value)) ?? []
  if (position === undefined || hash === undefined)
    throw new CliError('USAGE', '--expect must be POSITION:HASH, as "berth audit verify" prints it')
  return { position: Number(position), hash }
}
