import type { Command } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { findOperator } from '../../context/find-operator.ts'
import { openDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { compareLines } from '../../output/line-difference.ts'
import { formatAccess, readAccessFile } from './access-file.ts'

/** Lines shown beside those that change. */
const CONTEXT_LINES = 2

/** `berth access apply`. */
export function addAccessApply(access: Command, io: Io): void {
  access
    .command('apply <file>')
    .description(
      'Put the groups, rules and visibility of a file (YAML or JSON; - is standard input) in force.',
    )
    .option('--dry-run', 'show what would change, and change nothing')
    .action(async (file: string, _options, command: Command) => {
      const context = createContext(command, io)
      const { document, version: expected } = await readAccessFile(io, file)
      await using data = await openDataOf(context)
      const isDry = context.flags['dry-run'] === true
      const { before, after, version } = await data.access.change(() => document, {
        by: findOperator(),
        expected,
        isDry,
      })
      const difference = compareLines(formatAccess(before), formatAccess(after))
      const isChanged = difference.some((line) => !line.startsWith(' '))
      printResult(
        context,
        { version, isChanged, isDry, difference },
        [...(isChanged ? shorten(difference) : []), describe({ isChanged, isDry, version })].join('\n'),
      )
    })
}

/** The lines that change, with some beside them. */
function shorten(lines: readonly string[]): string[] {
  const isNear = (index: number): boolean =>
    lines
      .slice(Math.max(0, index - CONTEXT_LINES), index + CONTEXT_LINES + 1)
      .some((line) => !line.startsWith(' '))
  return lines.filter((_line, index) => isNear(index))
}

function describe({
  isChanged,
  isDry,
  version,
}: {
  isChanged: boolean
  isDry: boolean
  version: number
}): string {
  if (!isChanged) return `What is in force is the same: version ${version} stays`
  return isDry
    ? `Nothing was changed: version ${version} is in force`
    : `The file is in force as version ${version}`
}
