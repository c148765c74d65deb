import type { Command } from 'commander'
import { parseRepositoryName } from '../../../oci/repository-name.ts'
import type { ListedTag } from '../../../registry/manage-tags.ts'
import { createContext } from '../../context/command-context.ts'
import { addServerFlag, openListsOf } from '../../context/open-lists.ts'
import { printPages } from '../../context/pages.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTime } from '../../output/table.ts'
import { addTagDelete } from './tag-delete.ts'
import { addTagHistory, addTagRestore } from './tag-history.ts'
import { addTagPin, addTagPins, addTagUnpin } from './tag-pin.ts'

const EXAMPLES = `
Examples:
  berth tag list alice/app
  berth tag delete alice/app v1 --yes        the manifest stays, under its digest
  berth tag delete alice/app 'pr-*' --dry-run  lists all that match; without the flag they go
  berth tag history alice/app v1             at what it has pointed, and since when
  berth tag restore alice/app v1             undoes the last push or deletion of it
  berth tag pin alice/app v1 --reason 'in the contract'  keeps its manifest, whatever happens to the tag`

/** `berth tag …`. */
export function addTagCommand(program: Command, io: Io): void {
  const tag = program
    .command('tag')
    .description('List tags, delete and pin them, show and undo their changes.')
    .addHelpText('after', EXAMPLES)
  addList(tag, io)
  addTagDelete(tag, io)
  addTagHistory(tag, io)
  addTagRestore(tag, io)
  addTagPin(tag, io)
  addTagUnpin(tag, io)
  addTagPins(tag, io)
}

function describeKept({ immutable, inUse }: ListedTag): string {
  return [immutable === null ? '' : `immutable: ${immutable}`, inUse ?? ''].filter(Boolean).join(', ') || '-'
}

function addList(tag: Command, io: Io): void {
  addServerFlag(tag.command('list <repository>'))
    .description('List the tags of a repository.')
    .action(async (text: string, _options, command: Command) => {
      const context = createContext(command, io)
      const name = parseRepositoryName(text)
      await using data = await openListsOf(context)
      await printPages<ListedTag>(context, {
        member: 'tags',
        headings: ['TAG', 'SIZE', 'ONLY HERE', 'DIGEST', 'TYPE', 'UPDATED', 'KEPT BY'],
        toRow: (entry) => [
          entry.name,
          formatBytes(entry.sizeBytes),
          formatBytes(entry.uniqueBytes),
          entry.digest,
          entry.mediaType,
          formatTime(entry.updatedAt),
          describeKept(entry),
        ],
        async fetchPage(page) {
          const tags = await data.tags.list(name, page)
          if (!tags) throw unknownRepository(name)
          return tags
        },
      })
    })
}
