import { type Command, Option } from 'commander'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { RepositorySummary } from '../../registry/repositories.ts'
import { REPOSITORY_ORDERS, type RepositoryOrder } from '../../registry/repositories.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { openDataOf } from '../context/open-data.ts'
import { printPages } from '../context/pages.ts'
import { unknownRepository } from '../errors/unknown-repository.ts'
import type { Io } from '../io.ts'
import { formatBytes, formatPairs, formatTime } from '../output/table.ts'
import { addRepoDelete } from './repo-delete.ts'

const EXAMPLES = `
Examples:
  berth repo list --sort size                the largest first
  berth repo show alice/app
  berth repo delete alice/app --yes          with all its tags and manifests
  berth repo delete 'alice/pr-*' --dry-run   all that match, and the room that they would give back`

/** `berth repo …`. */
export function addRepoCommand(program: Command, io: Io): void {
  const repo = program
    .command('repo')
    .description('List, show and delete repositories.')
    .addHelpText('after', EXAMPLES)
  addList(repo, io)
  addShow(repo, io)
  addRepoDelete(repo, io)
}

function addList(repo: Command, io: Io): void {
  repo
    .command('list')
    .description('List all repositories.')
    .addOption(
      new Option('--sort <order>', 'order of the list; by size and by time the largest or latest first')
        .choices([...REPOSITORY_ORDERS])
        .default('name'),
    )
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const order = context.flags.sort as RepositoryOrder
      await using data = await openDataOf(context)
      await printPages<RepositorySummary>(context, {
        member: 'repositories',
        headings: ['NAME', 'TAGS', 'MANIFESTS', 'SIZE', 'ONLY HERE', 'PUSHED', 'USED'],
        toRow: (entry) => [
          entry.name,
          String(entry.tagCount),
          String(entry.manifestCount),
          formatBytes(entry.sizeBytes),
          formatBytes(entry.uniqueBytes),
          formatTime(entry.updatedAt),
          formatTime(entry.usedAt),
        ],
        fetchPage: ({ limit, after }) => data.repositories.list({ limit, order, after }),
      })
    })
}

function addShow(repo: Command, io: Io): void {
  repo
    .command('show <name>')
    .description('Show one repository.')
    .action(async (text: string, _options, command: Command) => {
      const context = createContext(command, io)
      const name = parseRepositoryName(text)
      await using data = await openDataOf(context)
      const found = await data.repositories.show(name)
      if (!found) throw unknownRepository(name)
      const pairs: [string, string][] = [
        ['name', found.name],
        ['tags', String(found.tagCount)],
        ['manifests', String(found.manifestCount)],
        ['size', formatBytes(found.sizeBytes)],
        ['only here', formatBytes(found.uniqueBytes)],
        ['shared', formatBytes(found.sizeBytes - found.uniqueBytes)],
        ['untagged', formatBytes(found.untaggedBytes)],
        ['in no image', formatBytes(found.unnamedBytes)],
        ['in the trash', formatBytes(found.trashBytes)],
        ['uploads', `${found.uploadCount}, ${formatBytes(found.uploadBytes)}`],
        ['created', formatTime(found.createdAt)],
        ['pushed', formatTime(found.updatedAt)],
        ['used', formatTime(found.usedAt)],
      ]
      printResult(context, { repository: found }, formatPairs(pairs))
    })
}
