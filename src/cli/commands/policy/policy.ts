import type { Command } from 'commander'
import { createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import type { Io } from '../../io.ts'
import { formatTable, formatTime } from '../../output/table.ts'
import { addPolicyApply } from './policy-apply.ts'
import { formatPolicies } from './policy-file.ts'
import { addPolicyTest } from './policy-test.ts'

const EXAMPLES = `
Examples:
  berth policy export > policies.yaml        the policies as a file, to edit
  berth policy apply policies.yaml --dry-run what a file would change
  berth policy apply policies.yaml           in force from the next request on
  berth policy test team/app:v1              which policy decides, and why`

/** `berth policy …`. */
export function addPolicyCommand(program: Command, io: Io): void {
  const policy = program
    .command('policy')
    .description('Show and set policies: decisions for repositories by pattern.')
    .addHelpText('after', EXAMPLES)
  addShow(policy, io)
  addPolicyApply(policy, io)
  addExport(policy, io)
  addPolicyTest(policy, io)
}

function addShow(policy: Command, io: Io): void {
  policy
    .command('show')
    .description('Show the policies in force, in their order.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { version, document, changedAt, changedBy } = await data.policies.read()
      const { policies, ...parts } = document
      const rows = policies.map(({ repositories, ...aspects }, index) => [
        `policies[${index}]`,
        repositories.join(' '),
        Object.entries(aspects)
          .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
          .join('  '),
      ])
      for (const [name, value] of Object.entries(parts)) rows.push([name, '', JSON.stringify(value)])
      const heading =
        version === 0
          ? 'No policies were ever set.'
          : `Version ${version}, set ${formatTime(changedAt)} by ${changedBy ?? '-'}`
      printResult(
        context,
        { version, changedAt, changedBy, document },
        [heading, ...(rows.length > 0 ? [formatTable(['PLACE', 'REPOSITORIES', 'DECIDES'], rows)] : [])].join(
          '\n',
        ),
      )
    })
}

function addExport(policy: Command, io: Io): void {
  policy
    .command('export')
    .description('Print the policies as a file for apply; its line "version" protects changes of others.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const { version, document } = await data.policies.read()
      printResult(context, { version, ...document }, formatPolicies(document, version).trimEnd())
    })
}
