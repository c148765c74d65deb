import type { Command } from 'commander'
import { PolicyError } from '../../../policies/policy-error.ts'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { compareLines } from '../../output/line-difference.ts'
import { formatTime } from '../../output/table.ts'
import { formatPolicies, readPolicyFile } from './policy-file.ts'

/** `berth policy apply`. */
export function addPolicyApply(policy: Command, io: Io): void {
  policy
    .command('apply <file>')
    .description('Put the policies of a file (YAML or JSON; - is standard input) in force.')
    .option('--dry-run', 'show what would change, and change nothing')
    .action(async (file: string, _options, command: Command) => {
      const context = createContext(command, io)
      const { document, version } = await readPolicyFile(io, file)
      await using data = await openDataOf(context)
      const present = await data.policies.read()
      if (version !== undefined && version !== present.version) {
        const change = present.changedAt
          ? `, set ${formatTime(present.changedAt)} by ${present.changedBy ?? '-'}`
          : ''
        throw new PolicyError(
          'POLICY_CHANGED',
          `The file is of version ${version}, and the policies in force are of version ${present.version}${change}`,
          'Run "berth policy export" and repeat the change in that file; without its line "version" a file replaces any version',
        )
      }
      const difference = compareLines(formatPolicies(present.document), formatPolicies(document))
      const isChanged = difference.some((line) => !line.startsWith(' '))
      const isDry = context.flags['dry-run'] === true
      const applied =
        isChanged && !isDry ? await data.policies.replace(document, present.version) : present.version
      printResult(
        context,
        { version: applied, isChanged, isDry, difference },
        [...(isChanged ? difference : []), describe({ isChanged, isDry, version: applied })].join('\n'),
      )
    })
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
  if (!isChanged) return `The policies in force are the same: version ${version} stays`
  return isDry
    ? `Nothing was changed: version ${version} is in force`
    : `The policies are in force as version ${version}`
}
