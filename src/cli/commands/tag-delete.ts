import { matchesGlob } from 'node:path'
import type { Command } from 'commander'
import type { OpenData } from '../../app/data/open-data.ts'
import { parseTag, type Tag } from '../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { openDataOf } from '../context/open-data.ts'
import { CliError } from '../errors/cli-error.ts'
import type { Io } from '../io.ts'
import { askConfirmation } from '../prompts/ask.ts'
import { unknownRepository } from './repo.ts'

/** Tags read at once. */
const PAGE_SIZE = 1_000
/** Tags deleted by one command at most, whose names are held in memory. */
const MAX_MATCHES = 100_000
/** Tags named in a question. */
const MAX_NAMED = 10

/** `berth tag delete`. */
export function addTagDelete(tag: Command, io: Io): void {
  tag
    .command('delete <repository> <tag>')
    .description("Delete a tag, or all that a pattern such as 'pr-*' matches. The manifests stay.")
    .option('--dry-run', 'list the tags, and delete none')
    .option('--yes', 'do not ask')
    .action(async (repositoryText: string, pattern: string, _options, command: Command) => {
      const context = createContext(command, io)
      const repository = parseRepositoryName(repositoryText)
      const isPattern = /[*?[{]/.test(pattern)
      const single = isPattern ? undefined : parseTag(pattern)
      await using data = await openDataOf(context)
      const isDry = context.flags['dry-run'] === true
      // One tag is not looked for among a million others: its deletion says whether it was there.
      const tags =
        single !== undefined && !isDry ? [single] : await findTags(data, { repository, single, pattern })
      if (isDry) {
        return printResult(context, { tags: tags.map((name) => ({ repository, name })) }, tags.join('\n'))
      }
      await askConfirmation(io, formatQuestion(repository, tags), context.flags.yes === true)
      await deleteTags(context, data, { repository, tags, single })
    })
}

interface Selection {
  readonly repository: RepositoryName
  /** Set if one tag is named. */
  readonly single: Tag | undefined
  readonly pattern: string
}

/** The tags that are to go. Errors: `TAG_UNKNOWN` if there is none, `REPOSITORY_UNKNOWN`, `USAGE` if they are too many. */
async function findTags(data: OpenData, { repository, single, pattern }: Selection): Promise<Tag[]> {
  const found: Tag[] = []
  let last: string | undefined
  do {
    const page = await data.repositories.listTags(repository, {
      limit: PAGE_SIZE,
      ...(last === undefined ? {} : { last }),
    })
    if (!page) throw unknownRepository(repository)
    for (const { name } of page ?? []) {
      if (single === undefined ? matchesGlob(name, pattern) : name === single) found.push(name)
    }
    last = page?.length === PAGE_SIZE ? page.at(-1)?.name : undefined
    if (found.length > MAX_MATCHES) {
      throw new CliError('USAGE', `More than ${MAX_MATCHES} tags match ${pattern}`, {
        remedy: 'Delete them in parts, by narrower patterns',
      })
    }
  } while (last !== undefined)
  if (found.length > 0) return found
  throw unknownTag(repository, pattern)
}

function unknownTag(repository: RepositoryName, tag: string): CliError {
  return new CliError('TAG_UNKNOWN', `There is no tag ${tag} in ${repository}`, {
    remedy: `Run "berth tag list ${repository}" to see those there are`,
  })
}

function formatQuestion(repository: RepositoryName, tags: readonly Tag[]): string {
  if (tags.length === 1) return `Delete the tag ${tags[0]} of ${repository}?`
  const named = tags.slice(0, MAX_NAMED).join(', ')
  const more = tags.length > MAX_NAMED ? `, and ${tags.length - MAX_NAMED} more` : ''
  return `Delete ${tags.length} tags of ${repository} (${named}${more})?`
}

async function deleteTags(
  context: CommandContext,
  data: OpenData,
  { repository, tags, single }: { repository: RepositoryName; tags: readonly Tag[]; single: Tag | undefined },
): Promise<void> {
  const deleted: Tag[] = []
  for (const name of tags) if (await data.repositories.deleteTag(repository, name)) deleted.push(name)
  if (single !== undefined) {
    if (deleted.length === 0) throw unknownTag(repository, single)
    printResult(
      context,
      { tag: { repository, name: single } },
      `Tag ${single} of ${repository} was deleted; "berth tag restore" brings it back`,
    )
    return
  }
  printResult(
    context,
    { tags: deleted.map((name) => ({ repository, name })) },
    `${deleted.length} tags of ${repository} were deleted; "berth tag restore" brings each back`,
  )
}
