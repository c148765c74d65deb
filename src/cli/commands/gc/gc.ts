import type { Command } from 'commander'
import type { OpenCollection, QueuedKind } from '../../../app/collection/open-collection.ts'
import { type CommandContext, createContext, printResult } from '../../context/command-context.ts'
import { loadWithoutDomain } from '../../context/load-without-domain.ts'
import { CliError } from '../../errors/cli-error.ts'
import type { Io } from '../../io.ts'
import { formatBytes, formatTable, formatTime } from '../../output/table.ts'
import { askConfirmation } from '../../prompts/ask.ts'
import { addGcPause } from './gc-pause.ts'

const EXAMPLES = `
Examples:
  berth gc                       removes what is due; a server does so by itself every minute
  berth gc --dry-run             lists what would be removed now, and why
  berth gc --now --yes           does not wait: overwritten and deleted images cannot be restored after it
  berth gc status                what waits to be removed, and until when
  berth gc pause --for 2h        the server removes nothing for two hours; "berth gc resume" ends it`

/** `berth gc`. */
export function addGcCommand(program: Command, io: Io): void {
  const gc = program
    .command('gc')
    .description('Remove content that is no longer needed.')
    .option('--dry-run', 'list what would be removed, and remove nothing')
    .option('--now', 'remove it as if keep-days were 0')
    .option('--yes', 'do not ask')
    .addHelpText('after', EXAMPLES)
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using collection = await openCollectionOf(context)
      const isNow = context.flags.now === true
      await collection.requireOwnBlobs()
      if (context.flags['dry-run'] === true) return await printPreview(context, collection, isNow)
      if (isNow) {
        const question =
          'Remove all content that no tag needs? Deleted and overwritten images cannot be restored afterwards.'
        await askConfirmation(io, question, context.flags.yes === true)
      }
      await collect(context, collection, isNow)
    })
  addGcPause(gc, io)
  gc.command('status')
    .description('Show what waits to be removed, and until when.')
    .action(async (_options, command: Command) => {
      const context = createContext(command, io)
      await using collection = await openCollectionOf(context)
      await printStatus(context, collection)
    })
}

async function printStatus(context: CommandContext, collection: OpenCollection): Promise<void> {
  const queue = await collection.status()
  const [held, late] = [await collection.findHold(), await collection.countLate()]
  const round = await collection.readRound()
  const [sweep, scrub] = [await collection.readPass('sweep'), await collection.readPass('scrub')]
  const rows = queue.map(({ kind, count, firstDue }) => [NOUNS[kind], String(count), formatTime(firstDue)])
  const text = [
    ...(held === undefined ? [] : [`Servers remove nothing: ${held}`]),
    ...(late === 0 ? [] : [`Due for more than a day, and not removed: ${late}`]),
    formatTable(['KIND', 'WAITING', 'FIRST DUE'], rows),
    formatRound(round),
    formatPass('Search for files that the database does not name', sweep),
    formatPass('Verification of stored content', scrub),
  ].join('\n')
  const none = null
  printResult(
    context,
    { queue, held: held ?? none, late, round: round ?? none, sweep: sweep ?? none, scrub: scrub ?? none },
    text,
  )
}

/** Time after which a round that was not noted is cut off, in milliseconds: it is noted every ten seconds. */
const CUT_OFF_MS = 60_000

function formatRound(round: Awaited<ReturnType<OpenCollection['readRound']>>): string {
  if (!round) return 'Rounds of servers: none had anything to do so far'
  const { startedAt, notedAt, endedAt, lookedAt, manifests, blobs, freedBytes, failed } = round
  const isCutOff = endedAt === undefined && Date.now() - notedAt.getTime() > CUT_OFF_MS
  const when = endedAt
    ? `Last round ended ${formatTime(endedAt)}`
    : `Round ${isCutOff ? 'cut off' : 'under way'}, begun ${formatTime(startedAt)}`
  return `${when}: looked at ${lookedAt}, removed ${manifests} manifests and ${blobs} blobs, freed ${formatBytes(freedBytes)}${failed === 0 ? '' : `, ${failed} could not be removed`}`
}

function formatPass(title: string, pass: Awaited<ReturnType<OpenCollection['readPass']>>): string {
  if (!pass) return `${title}: none so far`
  const { startedAt, endedAt, checked, found } = pass
  const when = endedAt ? `ended ${formatTime(endedAt)}` : `begun ${formatTime(startedAt)}, not ended yet`
  return `${title}: ${when}; looked at ${checked}, found ${found}`
}

const NOUNS: Readonly<Record<QueuedKind, string>> = {
  repository: 'deleted repositories',
  trashed: 'deleted manifests',
  manifest: 'manifests that may have no tag',
  link: 'blobs that may be in no manifest',
  blob: 'bytes that may be in no repository',
}

const SINGULARS: Readonly<Record<QueuedKind, string>> = {
  repository: 'deleted repository',
  trashed: 'deleted manifest',
  manifest: 'manifest',
  link: 'blob of a repository',
  blob: 'bytes',
}

async function openCollectionOf(context: CommandContext): Promise<OpenCollection> {
  const { openCollection } = await import('../../../app/collection/open-collection.ts')
  return openCollection(loadWithoutDomain(context))
}

async function collect(context: CommandContext, collection: OpenCollection, isNow: boolean): Promise<void> {
  const { removed, freedBytes, failed, failure, keptLately } = await collection.collect({ isNow })
  if (failure !== undefined) {
    const { item, error } = failure
    const content = [item.repository, item.digest].filter(Boolean).join('@')
    const entries = failed === 1 ? '1 entry' : `${failed} entries, such as`
    throw new CliError('COLLECTION_FAILED', `Not removed: ${entries} ${content}: ${findReason(error)}`, {
      remedy: 'The rest is removed. Mend the cause, then run it again, or wait for the server to do it',
      cause: error,
    })
  }
  const { repository, trashed, manifest, blob } = removed
  printResult(
    context,
    { removed, freedBytes, ...(keptLately && { keptLately }) },
    `Removed: ${repository} repositories, ${manifest + trashed} manifests, ${blob} blobs; freed ${formatBytes(freedBytes)}${describeKept(keptLately)}`,
  )
}

function describeKept(kept: Awaited<ReturnType<OpenCollection['collect']>>['keptLately']): string {
  if (!kept || kept.manifests + kept.blobs === 0) return ''
  const images = `${kept.manifests} ${kept.manifests === 1 ? 'image' : 'images'}`
  const blobs = `${kept.blobs} ${kept.blobs === 1 ? 'blob' : 'blobs'} without an image`
  return `\nKept, used within the last hour: ${images}, ${blobs}`
}

/** The system's own words name the file. */
function findReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

function describeFate(kept: { until: Date | undefined; why: string } | undefined): string {
  if (!kept) return 'removed'
  return kept.until ? `kept until ${formatTime(kept.until)}: ${kept.why}` : `kept: ${kept.why}`
}

async function printPreview(
  context: CommandContext,
  collection: OpenCollection,
  isNow: boolean,
): Promise<void> {
  const entries = await collection.preview({ isNow })
  const rows = entries.map(({ kind, repository, digest, reason, bytes, kept }) => [
    [repository, digest].filter(Boolean).join('@'),
    SINGULARS[kind],
    kept ? '-' : formatBytes(bytes),
    reason,
    describeFate(kept),
  ])
  const removed = entries.filter(({ kept }) => !kept)
  const freedBytes = removed.reduce((sum, { bytes }) => sum + bytes, 0)
  const table = formatTable(['CONTENT', 'KIND', 'FREES', 'SINCE IT WAS', 'NOW'], rows)
  const entriesText = removed.length === 1 ? '1 entry' : `${removed.length} entries`
  printResult(
    context,
    { entries, freedBytes },
    `${table}\n${entriesText} would be removed, with what goes with them: ${formatBytes(freedBytes)}`,
  )
}
