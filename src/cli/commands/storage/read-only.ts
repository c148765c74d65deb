import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { parseReason } from '../../context/parse-reason.ts'
import type { Io } from '../../io.ts'
import { formatTime } from '../../output/table.ts'

const EXAMPLES = `
Examples:
  berth read-only on --reason "moving to a new disk"
  berth read-only status
  berth read-only off

While it is on, pushes, mounts and deletes of clients are answered 405 with the reason, nothing is collected, and pulls,
log-ins and commands go on. All processes and nodes of the database obey at once: after "on" has returned, nothing more
is stored or deleted. Uploads under way keep their bytes, and can go on after "off".`

/** `berth read-only …`. */
export function addReadOnlyCommand(program: Command, io: Io): void {
  const readOnly = program
    .command('read-only')
    .description('Refuse pushes and deletes for a while; pulls go on.')
    .addHelpText('after', EXAMPLES)
  readOnly
    .command('on')
    .description('Refuse pushes and deletes from now on.')
    .option('--reason <TEXT>', 'why, for the clients that are refused')
    .action(async (options: { reason?: string }, command: Command) => {
      const context = createContext(command, io)
      const reason = parseReason(options.reason)
      await using data = await openDataOf(context)
      const { since, by } = await data.switches.turnOn('read-only', { by: findOperator(), reason })
      const value = { readOnly: { isOn: true, since, by, reason } }
      printResult(context, value, 'The registry is read-only; "berth read-only off" ends it')
    })
  readOnly
    .command('off')
    .description('Take pushes and deletes again.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const wasOn = await data.switches.turnOff('read-only', findOperator())
      const text = wasOn ? 'Pushes and deletes are taken again' : 'The registry was not read-only'
      printResult(context, { readOnly: { isOn: false } }, text)
    })
  readOnly
    .command('status')
    .description('Show whether the registry is read-only, since when, by whom and why.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { value, text } = await readStatus(data)
      printResult(context, value, text)
    })
}

async function readStatus({ switches }: OpenData): Promise<{ value: unknown; text: string }> {
  const readOnly = await switches.findSwitch('read-only')
  if (!readOnly)
    return { value: { readOnly: { isOn: false } }, text: 'The registry takes pushes and deletes' }
  const { since, by, reason } = readOnly
  const author = by === undefined ? '' : `, by ${by}`
  const words = reason === undefined ? '' : `: ${reason}`
  return {
    value: { readOnly: { isOn: true, since, by, reason } },
    text: `The registry is read-only since ${formatTime(since)}${author}${words}`,
  }
}
