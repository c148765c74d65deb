import type { Command } from 'commander'
import type { OpenData } from '../../../app/data/open-data.ts'
import type { Digest } from '../../../oci/digest.ts'
import { OciError } from '../../../oci/errors.ts'
import type { Tag } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { parsePastTime } from '../../command-line/parse-time.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { openDataOf } from '../../context/open-data.ts'
import { findProtection } from '../../context/protected-tags.ts'
import { readTagsAt } from '../../context/tags-at.ts'
import { CliError } from '../../errors/cli-error.ts'
import { unknownRepository } from '../../errors/unknown-repository.ts'
import type { Io } from '../../io.ts'
import { formatTable } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'

/** Tags read at once. */
const PAGE_SIZE = 1_000
/** Tags of a repository at most, now and then, which are held in memory. */
const MAX_TAGS = 100_000
/** Tags named in an error. */
const MAX_NAMED = 5

/** A tag that points elsewhere than at that time. */
interface Difference {
  readonly name: Tag
  /** The act that sets it back. */
  readonly act: 'move' | 'add' | 'remove'
  /** Its manifest now. */
  readonly present: Digest | undefined
  /** Its manifest then. */
  readonly former: Digest | undefined
  /** Why it stays as it is; undefined: it does not. */
  readonly kept: string | undefined
}

/** `berth repo restore`. */
export function addRepoRestore(repo: Command, io: Io): void {
  repo
    .command('restore <name>')
    .description('Set all tags of a repository back as they stood at a time.')
    .requiredOption('--at <time>', 'that time, such as 2026-11-28T03:00Z or "2h ago"')
    .option('--keep-new', 'keep tags that came after that time')
    .option('--dry-run', 'list what would change, and change nothing')
    .option('--yes', 'do not ask')
    .action(async (text: string, options: { at: string; keepNew?: boolean }, command: Command) => {
      const context = createContext(command, io)
      const name = parseRepositoryName(text)
      const at = parsePastTime(options.at)
      await using data = await openDataOf(context)
      const found = await findDifferences(data, { name, at, isNewKept: options.keepNew === true })
      const isDry = context.flags['dry-run'] === true
      const list = formatDifferences(found)
      if (isDry || found.length === 0) {
        return printResult(context, { repository: name, at, changes: found }, list)
      }
      if (!context.isJson) io.stdout.write(`${list}\n`)
      if (found.some(({ kept }) => kept === undefined)) {
        await askConfirmation(io, formatQuestion(name, at, found), context.flags.yes === true)
      }
      report(context, { name, at }, await apply(data, name, found))
    })
}

interface Restoring {
  readonly name: RepositoryName
  readonly at: Date
}

/** The tags that stand otherwise than then, by name. Errors: as of {@link readTagsAt}; `USAGE` if they are too many. */
async function findDifferences(
  data: OpenData,
  { name, at, isNewKept }: Restoring & { isNewKept: boolean },
): Promise<Difference[]> {
  const then = await readAll(async (page) => {
    const { tags, deletedAt } = await readTagsAt(data, name, { at, ...page })
    if (!deletedAt) return tags
    throw new CliError('REPOSITORY_UNKNOWN', `${name} was deleted at ${deletedAt.toISOString()}`, {
      remedy: `Run "berth trash restore ${name}" first`,
    })
  })
  const now = await readAll(async (page) => {
    const tags = await data.repositories.listTags(name, page)
    if (tags) return tags
    // All its tags are gone, as after a wrong rule: it is in no list, and can be restored.
    if (then.size > 0) return []
    throw unknownRepository(name)
  })
  const names = [...new Set([...then.keys(), ...now.keys()])].sort()
  const changed = names.filter((tag) => then.get(tag)?.digest !== now.get(tag)?.digest)
  const protection = await findProtection(
    data,
    name,
    changed.flatMap((tag) => now.get(tag) ?? []),
  )
  return changed.flatMap((tag) => {
    const before = then.get(tag)
    const present = now.get(tag)
    if (!before && isNewKept) return []
    const isGone = before?.content === 'gone'
    const act = !before ? 'remove' : present ? 'move' : 'add'
    // A pin holds the manifest, not the tag: it forbids that the tag goes, and not that it moves.
    const why = act === 'remove' ? protection.get(tag)?.why : protection.get(tag)?.immutable
    const kept = isGone ? 'its image was removed for good' : why
    return [{ name: tag, act, present: present?.digest, former: before?.digest, kept }]
  })
}

/** All entries of a list in pages, by name. Errors: `USAGE` if they are too many. */
async function readAll<T extends { readonly name: Tag }>(
  fetchPage: (page: { limit: number; last?: string }) => Promise<readonly T[]>,
): Promise<Map<Tag, T>> {
  const found = new Map<Tag, T>()
  let last: string | undefined
  do {
    const page = await fetchPage({ limit: PAGE_SIZE, ...(last === undefined ? {} : { last }) })
    for (const entry of page) found.set(entry.name, entry)
    last = page.length === PAGE_SIZE ? page.at(-1)?.name : undefined
    if (found.size > MAX_TAGS) {
      throw new CliError('USAGE', `The repository has more than ${MAX_TAGS} tags`, {
        remedy: 'Restore single ones with "berth tag restore"',
      })
    }
  } while (last !== undefined)
  return found
}

function formatDifferences(found: readonly Difference[]): string {
  if (found.length === 0) return 'All tags stand as they did then'
  const rows = found.map(({ name, act, present, former, kept }) => [
    kept === undefined ? act : 'keep',
    name,
    present ?? '-',
    former ?? '-',
    kept ?? '-',
  ])
  return formatTable(['ACT', 'TAG', 'NOW', 'THEN', 'KEPT AS'], rows)
}

function formatQuestion(name: RepositoryName, at: Date, found: readonly Difference[]): string {
  const count = (act: Difference['act']): number =>
    found.filter((one) => one.act === act && one.kept === undefined).length
  const acts = `move ${count('move')} tags, add ${count('add')}, remove ${count('remove')}`
  return `Set the tags of ${name} back as they stood at ${at.toISOString()}: ${acts}?`
}

/** Each tag in a transaction of its own; one that is protected meanwhile is kept, and the rest goes on. */
async function apply(
  data: OpenData,
  repository: RepositoryName,
  found: readonly Difference[],
): Promise<Difference[]> {
  const done: Difference[] = []
  for (const one of found) {
    done.push(one.kept === undefined ? { ...one, kept: await applyOne(data, repository, one) } : one)
  }
  return done
}

/** Returns why the tag stays as it is; undefined: it does not. */
async function applyOne(
  data: OpenData,
  repository: RepositoryName,
  { name: tag, former: digest }: Difference,
): Promise<string | undefined> {
  try {
    if (digest === undefined) {
      await data.repositories.deleteTag(repository, tag)
      return undefined
    }
    const outcome = await data.repositories.restoreTag({ repository, tag, digest })
    return typeof outcome === 'object' ? undefined : 'its image was removed for good'
  } catch (error) {
    if (!(error instanceof OciError) || error.code !== 'DENIED') throw error
    return error.message
  }
}

/** Errors: `TAGS_KEPT` if some tags could not be set back. */
function report(context: CommandContext, { name, at }: Restoring, done: readonly Difference[]): void {
  const kept = done.filter((one) => one.kept !== undefined)
  const count = done.length - kept.length
  printResult(
    context,
    { repository: name, at, changes: done },
    `${count} tags of ${name} were set back as they stood at ${at.toISOString()}; "berth repo restore" with the present time undoes it`,
  )
  if (kept.length === 0) return
  const named = kept.slice(0, MAX_NAMED).map(({ name: tag, kept: why }) => `${tag} (${why})`)
  const more = kept.length > MAX_NAMED ? `, and ${kept.length - MAX_NAMED} more` : ''
  throw new CliError('TAGS_KEPT', `${kept.length} tags stay as they are: ${named.join(', ')}${more}`)
}
