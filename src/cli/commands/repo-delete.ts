import { matchesGlob } from 'node:path'
import type { Command } from 'commander'
import type { OpenData } from '../../app/data/open-data.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import type { RepositorySummary } from '../../registry/repositories.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { findFreeing, formatFreeing } from '../context/freeing.ts'
import { openDataOf } from '../context/open-data.ts'
import { CliError } from '../errors/cli-error.ts'
import { unknownRepository } from '../errors/unknown-repository.ts'
import type { Io } from '../io.ts'
import { formatBytes, formatTable } from '../output/table.ts'
import { askConfirmation } from '../prompts/ask.ts'

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
      const freeing = findFreeing(context, sumUnique(found))
      if (context.flags['dry-run'] === true) {
        return printResult(
          context,
          { repositories: found, freeing },
          `${formatList(found)}\n${formatFreeing(freeing)}`,
        )
      }
      await askConfirmation(io, formatQuestion(found), context.flags.yes === true)
      await deleteAll(context, data, found)
    })
}

/** Errors: `REPOSITORY_UNKNOWN` for a name or a pattern without a repository, `USAGE` if they are too many. */
async function findRepositories(data: OpenData, names: readonly string[]): Promise<RepositorySummary[]> {
  const found = new Map<string, RepositorySummary>()
  for (const text of names) {
    const matches = /[*?[{]/.test(text) ? await match(data, text) : await findOne(data, text)
    for (const one of matches) found.set(one.name, one)
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
    if (found.length > MAX_MATCHES) {
      throw new CliError('USAGE', `More than ${MAX_MATCHES} repositories match ${pattern}`, {
        remedy: 'Delete them in parts, by narrower patterns',
      })
    }
  } while (after)
  if (found.length > 0) return found
  throw new CliError('REPOSITORY_UNKNOWN', `No repository matches ${pattern}`)
}

/** Bytes that several of them share come on top. */
function sumUnique(found: readonly RepositorySummary[]): number {
  return found.reduce((sum, { uniqueBytes }) => sum + uniqueBytes, 0)
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

async function deleteAll(
  context: CommandContext,
  data: OpenData,
  found: readonly RepositorySummary[],
): Promise<void> {
  const deleted: RepositorySummary[] = []
  for (const one of found) {
    if (!(await data.repositories.delete(one.name))) continue
    deleted.push(one)
    // The last repository of a removed account frees its name.
    await data.accounts.releaseNames([one.name.split('/', 1)[0] ?? ''])
  }
  const [first] = deleted
  if (!first) throw unknownRepository((found[0] ?? { name: parseRepositoryName('none') }).name)
  const freeing = findFreeing(context, sumUnique(deleted))
  const names = deleted.map(({ name }) => ({ name }))
  const text =
    deleted.length === 1
      ? `Repository ${first.name} was deleted`
      : `${deleted.length} repositories were deleted`
  const value = deleted.length === 1 ? { repository: { name: first.name } } : {}
  printResult(context, { ...value, repositories: names, freeing }, `${text}. ${formatFreeing(freeing)}`)
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
