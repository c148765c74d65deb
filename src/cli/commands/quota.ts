import type { Command } from 'commander'
import type { OpenData } from '../../app/data/open-data.ts'
import { findQuota, type Quota } from '../../policies/quotas.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { openDataOf } from '../context/open-data.ts'
import type { Io } from '../io.ts'
import type { QuotaUse } from '../output/describe-quota.ts'
import { formatBytes, formatTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  berth quota list                           limits of namespaces, and what is used of them
  berth policy apply policies.yaml           sets them: docs/sizes-and-quotas.md`

const PAGE_SIZE = 100

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

/** Those with an entry of their own, and all others that hold content if there is one for them. */
async function listQuotas({
  policies,
  repositories,
}: OpenData): Promise<(Quota & { readonly use: QuotaUse })[]> {
  const { document } = await policies.read()
  const names = new Set<string>()
  for (const { namespace, user } of document.quotas ?? []) names.add(namespace ?? user ?? '')
  if (names.delete('*')) {
    let last: string | undefined
    do {
      const page = await repositories.listNamespaces({ limit: PAGE_SIZE, last })
      for (const { name } of page) names.add(name)
      last = page.length === PAGE_SIZE ? page.at(-1)?.name : undefined
    } while (last !== undefined)
  }
  const found: (Quota & { readonly use: QuotaUse })[] = []
  for (const name of [...names].sort()) {
    const quota = findQuota(document, name)
    if (quota) found.push({ ...quota, use: await repositories.findUse(name) })
  }
  return found
}
