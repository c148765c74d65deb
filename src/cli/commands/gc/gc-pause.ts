import type { Command } from 'commander'
import { parseDuration } from '../../command-line/parse-duration.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import { parseReason } from '../../context/parse-reason.ts'
import type { Io } from '../../io.ts'
import { formatTime } from '../../output/table.ts'

/** `berth gc pause` and `berth gc resume`. */
export function addGcPause(gc: Command, io: Io): void {
  gc.command('pause')
    .description('Let servers remove nothing for a while. "berth gc" still does.')
    .option(
      '--for <DURATION>',
      'time after which they go on, such as 30m, 2h or 7d (default: until "berth gc resume")',
    )
    .option('--reason <TEXT>', 'why, for "berth gc status" and the log')
    .action(async (options: { for?: string; reason?: string }, command: Command) => {
      const context = createContext(command, io)
      const forMs = options.for === undefined ? undefined : parseDuration(options.for)
      const reason = parseReason(options.reason)
      await using data = await openDataOf(context)
      const paused = await data.switches.turnOn('collection-paused', { by: findOperator(), reason, forMs })
      const { since, by, until } = paused
      printResult(
        context,
        { paused: { since, by, until, reason } },
        until === undefined
          ? 'Servers remove nothing until "berth gc resume"'
          : `Servers remove nothing until ${formatTime(until)}; "berth gc resume" ends it earlier`,
      )
    })
  gc.command('resume')
    .description('End a pause.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const wasPaused = await data.switches.turnOff('collection-paused')
      printResult(
        context,
        { paused: null },
        wasPaused ? 'Servers remove again what is due' : 'Collection was not paused',
      )
    })
}
