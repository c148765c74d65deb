import type { Command } from 'commander'
import { isDigest } from '../../oci/digest.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { createContext, printResult } from '../context/command-context.ts'
import { loadWithoutDomain } from '../context/load-without-domain.ts'
import { openDataOf } from '../context/open-data.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { formatTable, formatTime } from '../output/table.ts'
import { askConfirmation } from '../prompts/ask.ts'

/** Entries shown at most: the latest ones. */
const MAX_ENTRIES = 1_000

const DAY_MS = 24 * 3_600_000

const EXAMPLES = `
Examples:
  berth trash list
  berth trash restore alice/app                        a repository that was deleted
  berth trash restore alice/app --as alice/old         under another name
  berth trash restore alice/app@sha256:…               a manifest, with the tags it had
  berth trash empty --yes                              lets the next "berth gc" remove all of it`

/** `berth trash …`. */
export function addTrashCommand(program: Command, io: Io): void {
  const trash = program
    .command('trash')
    .description('List deleted content, and restore it.')
    .addHelpText('after', EXAMPLES)
  addList(trash, io)
  addRestore(trash, io)
  addEmpty(trash, io)
}

function addList(trash: Command, io: Io): void {
  trash
    .command('list')
    .description('List deleted repositories and manifests that can be restored.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const keptMs = loadWithoutDomain(context).keepDays * DAY_MS
      const entries = (await data.repositories.listTrash(MAX_ENTRIES)).map((entry) => ({
        ...entry,
        until: new Date(entry.at.getTime() + keptMs),
      }))
      const rows = entries.map(({ repository, digest, at, until, by, tags, inUse }) => [
        digest === undefined ? repository : `${repository}@${digest}`,
        digest === undefined ? 'repository' : 'manifest',
        // After `trash empty` it counts as deleted long ago, and may be removed at any moment.
        at.getTime() === 0 ? '-' : formatTime(at),
        until.getTime() < Date.now() ? 'now' : formatTime(until),
        by ?? '-',
        tags.join(' ') || '-',
        inUse ?? '-',
      ])
      printResult(
        context,
        { trash: entries },
        formatTable(['CONTENT', 'KIND', 'DELETED', 'UNTIL', 'BY', 'TAGS', 'IN USE'], rows),
      )
    })
}

function addRestore(trash: Command, io: Io): void {
  trash
    .command('restore <content>')
    .description('Restore a repository (NAME) or a manifest with its tags (NAME@DIGEST).')
    .option('--as <name>', 'another name for the repository')
    .action(async (text: string, options: { as?: string }, command: Command) => {
      const context = createContext(command, io)
      const [nameText = '', digest] = text.split('@', 2)
      const name = parseRepositoryName(nameText)
      if (digest !== undefined && (!isDigest(digest) || options.as !== undefined)) {
        throw new CliError('USAGE', 'A manifest is named NAME@DIGEST, and goes back to its repository', {
          remedy: 'Run "berth trash list" to see what can be restored',
        })
      }
      const newName = options.as === undefined ? undefined : parseRepositoryName(options.as)
      await using data = await openDataOf(context)
      const outcome =
        digest === undefined
          ? await data.repositories.restore(name, { newName })
          : (await data.repositories.restoreManifest(name, digest))
            ? 'restored'
            : 'unknown'
      if (outcome === 'unknown') {
        throw new CliError('CONTENT_GONE', `${text} is not in the trash`, {
          remedy: 'Run "berth trash list" to see what can be restored',
        })
      }
      if (outcome === 'taken') {
        throw new CliError('REPOSITORY_EXISTS', `A repository ${newName ?? name} exists`, {
          remedy: 'Restore the deleted one under another name, with --as NAME',
        })
      }
      printResult(context, { restored: { repository: newName ?? name, digest } }, `${text} is restored`)
    })
}

function addEmpty(trash: Command, io: Io): void {
  trash
    .command('empty')
    .description('Make all deleted content due for removal. It can no longer be restored.')
    .option('--yes', 'do not ask')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      await askConfirmation(
        io,
        'Remove all content of the trash? It can no longer be restored.',
        context.flags.yes === true,
      )
      const count = await data.repositories.emptyTrash()
      printResult(
        context,
        { emptied: count },
        `${count} ${count === 1 ? 'entry is' : 'entries are'} no longer kept; the server removes the bytes soon, "berth gc" at once`,
      )
    })
}
