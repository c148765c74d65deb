import { type Command, Option } from 'commander'
import type { RepositorySummary } from '../../../registry/repositories.ts'
import { REPOSITORY_ORDERS, type RepositoryOrder } from '../../../registry/repositories.ts'
import { createContext } from '../../context/command-context.ts'
import { addServerFlag, openListsOf } from '../../context/open-lists.ts'
import { printPages } from '../../context/pages.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTime } from '../../output/table.ts'
import { addRepoDelete } from './repo-delete.ts'
import { addRepoRestore } from './repo-restore.ts'
import { addRepoShow } from './repo-show.ts'

const EXAMPLES = `
Examples:
  berth repo list --sort size                the largest first
  berth repo show alice/app
  berth repo show alice/app --at '2h ago'    all its tags as they stood then
  berth repo restore alice/app --at '2h ago' --dry-run  what sets them back; without the flag it does
  berth repo delete alice/app --yes          with all its tags and manifests
  berth repo delete 'alice/pr-*' --dry-run   all that match, and the room that they would give back`

/** `berth repo …`. */
export function addRepoCommand(program: Command, io: Io): void {
  const repo = program
    .command('repo')
    .description('List, show, delete and restore repositories.')
    .addHelpText('after', EXAMPLES)
  addList(repo, io)
  addRepoShow(repo, io)
  addRepoDelete(repo, io)
  addRepoRestore(repo, io)
}

function addList(repo: Command, io: Io): void {
  addServerFlag(repo.command('list'))
    .description('List all repositories.')
    .addOption(
      new Option('--sort <order>', 'order of the list; by size and by time the largest or latest first')
        .choices([...REPOSITORY_ORDERS])
        .default('name'),
    )
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      const order = context.flags.sort as RepositoryOrder
      await using data = await openListsOf(context)
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
