import { matchesGlob } from 'node:path'
import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import type { Digest } from '../../../oci/digest.ts'
import { OciError } from '../../../oci/errors.ts'
import { parseTag, type Tag } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { type Freeing, findFreeing, formatFreeing } from '../../context/freeing.ts'
import { openDataOf } from '../../context/open-data.ts'
import { findProtection } from '../../context/protected-tags.ts'
import { CliError } from '../../errors/cli-error.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { askConfirmation } from '../../prompts/ask.ts'

/** Tags read at once. */
const PAGE_SIZE = 1_000
/** Tags deleted by one command at most, whose names are held in memory. */
const MAX_MATCHES = 100_000
/** Characters of a pattern; a tag has none of them. */
const PATTERN = /[*?[{]/
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
      const isPattern = PATTERN.test(pattern)
      const single = isPattern ? undefined : parseTag(pattern)
      await using data = await openDataOf(context)
      const isDry = context.flags['dry-run'] === true
      // One tag is not looked for among a million others: its deletion says whether it was there.
      if (single !== undefined && !isDry) {
        await askConfirmation(io, formatQuestion(repository, [single]), context.flags.yes === true)
        return await deleteTag(context, data, { repository, tag: single })
      }
      const found = await findTags(data, { repository, single, pattern })
      const { tags, kept } = await setApart(data, repository, found)
      if (isDry) {
        const freeing = await sizeFreeing(context, data, repository, tags)
        const lines = [...tags, ...kept.map(({ name, why }) => `${name}  kept: ${why}`)]
        return printResult(
          context,
          { tags: tags.map((name) => ({ repository, name })), kept, freeing },
          [...lines, formatFreeing(freeing, 'tags')].join('\n'),
        )
      }
      if (tags.length === 0) return await deleteTags(context, data, { repository, tags, kept })
      await askConfirmation(io, formatQuestion(repository, tags), context.flags.yes === true)
      await deleteTags(context, data, { repository, tags, kept })
    })
}

/** A tag with its manifest. */
interface FoundTag {
  readonly name: Tag
  readonly digest: Digest
}

/** A tag that is not deleted, with the reason. */
interface KeptTag {
  readonly repository: RepositoryName
  readonly name: Tag
  readonly why: string
}

interface Selection {
  readonly repository: RepositoryName
  /** Set if one tag is named. */
  readonly single: Tag | undefined
  readonly pattern: string
}

/** The tags that are to go. Errors: `TAG_UNKNOWN` if there is none, `REPOSITORY_UNKNOWN`, `USAGE` if they are too many. */
async function findTags(data: OpenData, { repository, single, pattern }: Selection): Promise<FoundTag[]> {
  const found: FoundTag[] = []
  let last: string | undefined
  do {
    const page = await data.repositories.listTags(repository, {
      limit: PAGE_SIZE,
      ...(last === undefined ? {} : { last }),
    })
    if (!page) throw unknownRepository(repository)
    for (const { name, digest } of page ?? []) {
      if (single === undefined ? matchesGlob(name, pattern) : name === single) {
        found.push({ name, digest })
      }
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
  const fault = PATTERN.test(tag)
    ? `No tag of ${repository} matches ${tag}`
    : `There is no tag ${tag} in ${repository}`
  return new CliError('TAG_UNKNOWN', fault, {
    remedy: `Run "berth tag list ${repository}" to see those there are`,
  })
}

function formatQuestion(repository: RepositoryName, tags: readonly Tag[]): string {
  if (tags.length === 1) return `Delete the tag ${tags[0]} of ${repository}?`
  const named = tags.slice(0, MAX_NAMED).join(', ')
  const more = tags.length > MAX_NAMED ? `, and ${tags.length - MAX_NAMED} more` : ''
  return `Delete ${tags.length} tags of ${repository} (${named}${more})?`
}

/** Sets apart the tags that a policy or a pin protects. */
async function setApart(
  data: OpenData,
  repository: RepositoryName,
  found: readonly FoundTag[],
): Promise<{ tags: Tag[]; kept: KeptTag[] }> {
  const protection = await findProtection(data, repository, found)
  const tags: Tag[] = []
  const kept: KeptTag[] = []
  for (const { name } of found) {
    const why = protection.get(name)?.why
    if (why === undefined) tags.push(name)
    else kept.push({ repository, name, why })
  }
  return { tags, kept }
}

/** The room that becomes free once all of the tags are gone. */
async function sizeFreeing(
  context: CommandContext,
  data: OpenData,
  repository: RepositoryName,
  tags: readonly Tag[],
): Promise<Freeing> {
  return findFreeing(context, await data.repositories.sizeRemoval({ repository, tags }))
}

async function deleteTag(
  context: CommandContext,
  data: OpenData,
  { repository, tag }: { repository: RepositoryName; tag: Tag },
): Promise<void> {
  const freeing = await sizeFreeing(context, data, repository, [tag])
  if (!(await data.repositories.deleteTag(repository, tag))) {
    if (!(await data.repositories.listTags(repository, { limit: 1 }))) throw unknownRepository(repository)
    throw unknownTag(repository, tag)
  }
  const deleted = { repository, name: tag }
  printResult(
    context,
    { tag: deleted, tags: [deleted], kept: [], freeing },
    `Tag ${tag} of ${repository} was deleted; "berth tag restore" brings it back. ${formatFreeing(freeing, 'tags')}`,
  )
}

/** A tag that is protected meanwhile is kept, and the rest goes on. */
async function deleteTags(
  context: CommandContext,
  data: OpenData,
  { repository, tags, kept }: { repository: RepositoryName; tags: readonly Tag[]; kept: readonly KeptTag[] },
): Promise<void> {
  const freeing = await sizeFreeing(context, data, repository, tags)
  const deleted: Tag[] = []
  const refused: KeptTag[] = []
  for (const name of tags) {
    try {
      if (await data.repositories.deleteTag(repository, name)) deleted.push(name)
    } catch (error) {
      if (!(error instanceof OciError) || error.code !== 'DENIED') throw error
      refused.push({ repository, name, why: error.message })
    }
  }
  reportDeleted(context, { repository, deleted, kept: [...kept, ...refused], freeing })
}

function reportDeleted(
  context: CommandContext,
  {
    repository,
    deleted,
    kept,
    freeing,
  }: { repository: RepositoryName; deleted: readonly Tag[]; kept: readonly KeptTag[]; freeing: Freeing },
): void {
  const named = kept.slice(0, MAX_NAMED).map(({ name, why }) => `${name} (${why})`)
  const more = kept.length > MAX_NAMED ? `, and ${kept.length - MAX_NAMED} more` : ''
  const rest = kept.length > 0 ? `. Kept: ${kept.length}: ${named.join(', ')}${more}` : ''
  const undo = deleted.length > 0 ? '; "berth tag restore" brings each back' : ''
  const room = deleted.length > 0 ? `. ${formatFreeing(freeing, 'tags')}` : ''
  printResult(
    context,
    { tags: deleted.map((name) => ({ repository, name })), kept, freeing },
    `${formatDeleted(deleted.length, repository)} deleted${undo}${rest}${room}`,
  )
}

function formatDeleted(count: number, repository: RepositoryName): string {
  return count === 1 ? `1 tag of ${repository} was` : `${count} tags of ${repository} were`
}
