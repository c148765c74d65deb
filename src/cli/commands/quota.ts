import type { Command } from 'commander'
import { listQuotas } from '../../registry/list-quotas.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { openDataOf } from '../context/open-data.ts'
import type { Io } from '../io.ts'
import { formatBytes, formatTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  berth quota list                           limits of namespaces, and what is used of them
  berth policy apply policies.yaml           sets them: docs/sizes-and-quotas.md`

/** `berth quota …`. */
export function addQuotaCommand(program: Command, io: Io): void {
  const quota = program
    .command('quota')
    .description('Show the limits of namespaces and their use.')
    .addHelpText('after', EXAMPLES)
  quota
    .command('list')
    .description('List the namespaces that have a quota, with what is used of it.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const quotas = await listQuotas(data)
      const rows = quotas.map(({ namespace, bytes, repositories, use }) => [
        namespace,
        formatBytes(use.bytes),
        bytes === undefined ? '-' : formatBytes(bytes),
        String(use.repositories),
        repositories === undefined ? '-' : String(repositories),
      ])
      const headings = ['NAMESPACE', 'USED', 'LIMIT', 'REPOSITORIES', 'LIMIT']
      printResult(context, { quotas }, formatTable(headings, rows))
    })
}
