import type { Command } from 'commander'
import type { OpenData } from '../../app/data/open-data.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { SizedTag } from '../../registry/repositories.ts'
import { type CommandContext, createContext, printResult } from '../context/command-context.ts'
import { openDataOf } from '../context/open-data.ts'
import { CliError } from '../errors/cli-error.ts'
import { unknownRepository } from '../errors/unknown-repository.ts'
import type { Io } from '../io.ts'
import { formatBytes, formatPairs, formatTable } from '../output/table.ts'

const EXAMPLES = `
Examples:
  berth du                       the largest namespaces with their largest repositories
  berth du alice                 one namespace
  berth du alice/app             one repository, with the tags that hold most for themselves
  berth du --top 50 --json       for programs`

/** Entries of each level by default, and at most. */
const TOP = 10
const MAX_TOP = 1_000
const PAGE_SIZE = 100

type Repositories = OpenData['repositories']
type Totals = Awaited<ReturnType<Repositories['size']>>

/** A row of the report: a namespace, or something in it. */
interface Entry {
  readonly name: string
  readonly bytes: number
  readonly uniqueBytes: number
}

/** `berth du`. */
export function addDuCommand(program: Command, io: Io): void {
  program
    .command('du [name]')
    .description('Show what takes up space: namespaces, repositories and tags, the largest first.')
    .option('--top <number>', 'entries of each level', String(TOP))
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, _options, command: Command) => {
      const context = createContext(command, io)
      const top = parseTop(context.flags.top)
      await using data = await openDataOf(context)
      const { repositories } = data
      if (name === undefined) await showAll(context, repositories, top)
      else if (name.includes('/')) await showRepository(context, repositories, { text: name, top })
      else await showNamespace(context, repositories, { name: parseRepositoryName(name), top })
    })
}

function parseTop(text: unknown): number {
  const top = Number(text)
  if (Number.isInteger(top) && top >= 1 && top <= MAX_TOP) return top
  throw new CliError('USAGE', `--top takes a whole number from 1 to ${MAX_TOP}, not "${String(text)}"`)
}

async function showAll(context: CommandContext, repositories: Repositories, top: number): Promise<void> {
  const found: Entry[] = []
  let last: string | undefined
  do {
    const page = await repositories.listNamespaces({ limit: PAGE_SIZE, last })
    keepLargest(found, page, { top, by: 'bytes' })
    last = page.length === PAGE_SIZE ? page.at(-1)?.name : undefined
  } while (last !== undefined)
  const namespaces = []
  for (const namespace of found) {
    const inner = await listLargest(repositories, { namespace: namespace.name, top })
    namespaces.push({ ...namespace, repositories: inner })
  }
  const totals = await repositories.size('all')
  const dueBytes = await repositories.findDueBytes()
  const rows = namespaces.flatMap(({ repositories: inner, ...namespace }) => [
    toRow(namespace),
    ...inner.map((entry) => toRow(entry, '  ')),
  ])
  const pairs = [...describeTotals(totals), ['due to be removed', formatBytes(dueBytes)] as const]
  const table = formatTable(['NAMESPACE', 'SIZE', 'ONLY HERE', 'SHARED'], rows)
  printResult(context, { totals: { ...totals, dueBytes }, namespaces }, `${table}\n\n${formatPairs(pairs)}`)
}

async function showNamespace(
  context: CommandContext,
  repositories: Repositories,
  { name, top }: { name: string; top: number },
): Promise<void> {
  const totals = await repositories.size({ namespace: name })
  if (totals.repositoryCount === 0 && totals.bytes === 0) {
    throw new CliError('REPOSITORY_UNKNOWN', `There is no repository in ${name}`)
  }
  const inner = await listLargest(repositories, { namespace: name, top })
  const table = formatTable(
    ['REPOSITORY', 'SIZE', 'ONLY HERE', 'SHARED'],
    inner.map((entry) => toRow(entry)),
  )
  printResult(
    context,
    { namespace: name, totals, repositories: inner },
    `${table}\n\n${formatPairs(describeTotals(totals))}`,
  )
}

async function showRepository(
  context: CommandContext,
  repositories: Repositories,
  { text, top }: { text: string; top: number },
): Promise<void> {
  const name = parseRepositoryName(text)
  if (!(await repositories.show(name))) throw unknownRepository(name)
  const totals = await repositories.size({ repository: name })
  const tags = await listLargestTags(repositories, { name, top })
  const table = formatTable(
    ['TAG', 'SIZE', 'ONLY HERE', 'SHARED'],
    tags.map((entry) => toRow(entry)),
  )
  printResult(
    context,
    { repository: name, totals, tags },
    `${table}\n\n${formatPairs(describeTotals(totals))}`,
  )
}

async function listLargest(
  repositories: Repositories,
  { namespace, top }: { namespace: string; top: number },
): Promise<Entry[]> {
  const page = await repositories.list({ limit: top, order: 'size', within: namespace })
  return page.map(({ name, sizeBytes, uniqueBytes }) => ({ name, bytes: sizeBytes, uniqueBytes }))
}

/** All tags are read, page by page; only those that hold most for themselves are kept. */
async function listLargestTags(
  repositories: Repositories,
  { name, top }: { name: RepositoryName; top: number },
): Promise<Entry[]> {
  const found: Entry[] = []
  let last: string | undefined
  do {
    const page = await repositories.listTags(name, {
      limit: PAGE_SIZE,
      ...(last === undefined ? {} : { last }),
    })
    const sized: SizedTag[] = await repositories.sizeTags(name, page ?? [])
    const entries = sized.map((tag) => ({
      name: tag.name,
      bytes: tag.sizeBytes,
      uniqueBytes: tag.uniqueBytes,
    }))
    keepLargest(found, entries, { top, by: 'uniqueBytes' })
    last = page?.length === PAGE_SIZE ? page.at(-1)?.name : undefined
  } while (last !== undefined)
  return found
}

function keepLargest(
  found: Entry[],
  more: readonly Entry[],
  { top, by }: { top: number; by: 'bytes' | 'uniqueBytes' },
): void {
  found.push(...more)
  found.sort((one, other) => other[by] - one[by])
  found.splice(top)
}

function toRow({ name, bytes, uniqueBytes }: Entry, indent = ''): string[] {
  return [`${indent}${name}`, ...[bytes, uniqueBytes, bytes - uniqueBytes].map(formatBytes)]
}

function describeTotals(totals: Totals): (readonly [string, string])[] {
  return [
    ['repositories', String(totals.repositoryCount)],
    ['size', formatBytes(totals.bytes)],
    ['only here', formatBytes(totals.uniqueBytes)],
    ['untagged', formatBytes(totals.untaggedBytes)],
    ['in no image', formatBytes(totals.unnamedBytes)],
    ['in the trash', formatBytes(totals.trashBytes)],
    ['uploads', `${totals.uploadCount}, ${formatBytes(totals.uploadBytes)}`],
  ]
}
