import { matchesGlob } from 'node:path'
import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import { OciError } from '../../../oci/errors.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import type { RepositorySummary } from '../../../registry/repositories.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { type Freeing, findFreeing, formatFreeing } from '../../context/freeing.ts'
import { openDataOf } from '../../context/open-data.ts'
import { CliError } from '../../errors/cli-error.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTable } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'

/** Repositories read at once. */
const PAGE_SIZE = 1_000
/** Repositories deleted by one command at most, which are held in memory. */
const MAX_MATCHES = 10_000
/** Repositories named in a question. */
const MAX_NAMED = 10

/** `berth repo delete`. */
export function addRepoDelete(repo: Command, io: Io): void {
  repo
    .command('delete <names...>')
    .description(
      "Delete repositories with their tags and manifests, by name or pattern ('alice/pr-*'). Layers that other repositories have stay.",
    )
    .option('--dry-run', 'list them, and delete none')
    .option('--yes', 'do not ask')
    .action(async (names: string[], _options, command: Command) => {
      const context = createContext(command, io)
      await using data = await openDataOf(context)
      const found = await findRepositories(data, names)
      // One that was named alone is refused with the whole reason.
      const isSingle = names.length === 1 && found.length === 1 && names[0] === found[0]?.name
      const { removable, kept } = await setApart(data, found, { mayRefuse: isSingle })
      const freeing = await sizeFreeing(context, data, removable)
      if (context.flags['dry-run'] === true) {
        return printResult(
          context,
          { repositories: removable, kept, freeing },
          [formatList(removable), ...kept.map(formatKept), formatFreeing(freeing)].join('\n'),
        )
      }
      if (removable.length > 0) {
        await askConfirmation(io, formatQuestion(removable), context.flags.yes === true)
      }
      await deleteAll(context, data, { removable, kept })
    })
}

/** A repository that is not deleted, with the reason. */
interface KeptRepository {
  readonly name: RepositoryName
  readonly why: string
}

function formatKept({ name, why }: KeptRepository): string {
  return `${name}  kept: ${why}`
}

/** Sets apart the repositories that a policy or a pin protects. Errors: `DENIED` with `mayRefuse`. */
async function setApart(
  data: OpenData,
  found: readonly RepositorySummary[],
  { mayRefuse }: { mayRefuse: boolean },
): Promise<{ removable: RepositorySummary[]; kept: KeptRepository[] }> {
  const removable: RepositorySummary[] = []
  const kept: KeptRepository[] = []
  for (const one of found) {
    const why = await findRefusal(() => data.repositories.requireDeletable(one.name), { mayRefuse })
    if (why === undefined) removable.push(one)
    else kept.push({ name: one.name, why })
  }
  return { removable, kept }
}

/** The reason for which an act is refused; undefined: it is done. Errors: `DENIED` with `mayRefuse`, and all others. */
async function findRefusal(
  act: () => Promise<unknown>,
  { mayRefuse }: { mayRefuse: boolean },
): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (mayRefuse || !(error instanceof OciError) || error.code !== 'DENIED') throw error
    return error.message
  }
}

/** Errors: `REPOSITORY_UNKNOWN` for a name or a pattern without a repository, `USAGE` if they are too many. */
async function findRepositories(data: OpenData, names: readonly string[]): Promise<RepositorySummary[]> {
  const found = new Map<string, RepositorySummary>()
  for (const text of names) {
    const matches = /[*?[{]/.test(text) ? await match(data, text) : await findOne(data, text)
    for (const one of matches) found.set(one.name, one)
    if (found.size > MAX_MATCHES) throw tooMany(text)
  }
  return [...found.values()]
}

async function findOne(data: OpenData, text: string): Promise<RepositorySummary[]> {
  const name = parseRepositoryName(text)
  const found = await data.repositories.show(name)
  if (!found) throw unknownRepository(name)
  return [found]
}

async function match(data: OpenData, pattern: string): Promise<RepositorySummary[]> {
  const found: RepositorySummary[] = []
  let after: RepositorySummary | undefined
  do {
    const page = await data.repositories.list({ limit: PAGE_SIZE, after })
    found.push(...page.filter(({ name }) => matchesGlob(name, pattern)))
    after = page.length === PAGE_SIZE ? page.at(-1) : undefined
    if (found.length > MAX_MATCHES) throw tooMany(pattern)
  } while (after)
  if (found.length > 0) return found
  throw new CliError('REPOSITORY_UNKNOWN', `No repository matches ${pattern}`)
}

function tooMany(pattern: string): CliError {
  return new CliError('USAGE', `More than ${MAX_MATCHES} repositories match, at ${pattern}`, {
    remedy: 'Delete them in parts, by narrower patterns',
  })
}

/** Bytes that become free; content that several of the repositories share among each other counts, too. */
async function sizeFreeing(
  context: CommandContext,
  data: OpenData,
  found: readonly RepositorySummary[],
): Promise<Freeing> {
  const repositories = found.map(({ name }) => name)
  return findFreeing(context, await data.repositories.sizeRemoval({ repositories }))
}

function formatList(found: readonly RepositorySummary[]): string {
  const rows = found.map(({ name, tagCount, manifestCount, sizeBytes, uniqueBytes }) => [
    name,
    String(tagCount),
    String(manifestCount),
    formatBytes(sizeBytes),
    formatBytes(uniqueBytes),
  ])
  return formatTable(['NAME', 'TAGS', 'MANIFESTS', 'SIZE', 'ONLY HERE'], rows)
}

function formatQuestion(found: readonly RepositorySummary[]): string {
  const tags = found.reduce((sum, { tagCount }) => sum + tagCount, 0)
  const manifests = found.reduce((sum, { manifestCount }) => sum + manifestCount, 0)
  const content = `${countOf(tags, 'tag')} and ${countOf(manifests, 'manifest')}`
  if (found.length === 1) return `Delete ${found[0]?.name} with ${content}?`
  const named = found
    .slice(0, MAX_NAMED)
    .map(({ name }) => name)
    .join(', ')
  const more = found.length > MAX_NAMED ? `, and ${found.length - MAX_NAMED} more` : ''
  return `Delete ${found.length} repositories (${named}${more}) with ${content}?`
}

/** One that is protected, or gone, meanwhile is left out, and the rest goes on. */
async function deleteAll(
  context: CommandContext,
  data: OpenData,
  { removable, kept }: { removable: readonly RepositorySummary[]; kept: readonly KeptRepository[] },
): Promise<void> {
  const freeing = await sizeFreeing(context, data, removable)
  const deleted: RepositorySummary[] = []
  const refused: KeptRepository[] = []
  for (const one of removable) {
    const { name } = one
    const why = await findRefusal(
      async () => {
        if (await data.repositories.delete(name)) deleted.push(one)
      },
      { mayRefuse: false },
    )
    if (why !== undefined) refused.push({ name, why })
    // The last repository of a removed account frees its name.
    else await data.accounts.releaseNames([name.split('/', 1)[0] ?? ''])
  }
  const left = [...kept, ...refused]
  const [first] = deleted
  if (!first && left.length === 0 && removable[0]) throw unknownRepository(removable[0].name)
  const names = deleted.map(({ name }) => ({ name }))
  const text =
    deleted.length === 1
      ? `Repository ${first?.name} was deleted`
      : `${deleted.length} repositories were deleted`
  const value = deleted.length === 1 ? { repository: { name: first?.name } } : {}
  const lines = [
    deleted.length === 0 ? text : `${text}. ${formatFreeing(freeing)}`,
    ...left.slice(0, MAX_NAMED).map(formatKept),
    ...(left.length > MAX_NAMED ? [`${left.length - MAX_NAMED} more were kept`] : []),
  ]
  printResult(context, { ...value, repositories: names, kept: left, freeing }, lines.join('\n'))
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
