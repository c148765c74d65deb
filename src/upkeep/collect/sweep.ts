import type { BlobReader } from '../../blobs/blob-store.ts'
import type { CollectionFacts } from '../../metadata/collection-facts.ts'
import type { PassFacts, PassProgress } from '../../metadata/pass-facts.ts'
import { Pace, type PaceLimits } from './pace.ts'

/** Blobs of one page: it is listed in one go, so that a small one does not delay requests. */
const PAGE = 100

/** Dependencies of a sweep, which its caller has taken. */
interface SweepParts {
  readonly blobs: Pick<BlobReader, 'list'>
  readonly facts: Pick<CollectionFacts, 'queueUnknown'>
  readonly passes: Pick<PassFacts, 'note' | 'leave'>
  readonly holder: string
  /** Time before a blob is removed, in milliseconds, in which the push that stored it can name it. */
  readonly graceMs: number
  readonly pace: PaceLimits
  /** Called before each page; false ends the sweep for now. */
  readonly mayGoOn?: (() => Promise<boolean>) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Queues the blobs of the store that no fact names, as a crash between bytes and facts leaves them: one slow pass over
 * the whole store, which another process goes on with if this one ends.
 * Errors: the reason of the signal, those of the store and the facts.
 */
export async function sweep(
  parts: SweepParts,
  from: PassProgress,
): Promise<PassProgress & { readonly isEnded: boolean }> {
  const { passes, holder, mayGoOn = async () => true } = parts
  const pace = new Pace(parts.pace)
  let progress = from
  let isEnded = false
  try {
    while (!isEnded && (await mayGoOn())) {
      await pace.rest(parts.signal)
      const page = await sweepPage(parts, progress)
      for (let at = progress.checked; at < page.progress.checked; at++) pace.count()
      ;({ progress, isEnded } = page)
      // Another process has taken it over.
      if (!(await passes.note('sweep', holder, progress))) break
    }
  } finally {
    await passes.leave('sweep', holder, { ...progress, isEnded })
  }
  return { ...progress, isEnded }
}

async function sweepPage(
  { blobs, facts, graceMs }: SweepParts,
  progress: PassProgress,
): Promise<{ progress: PassProgress; isEnded: boolean }> {
  const page = await blobs.list({ after: progress.position, limit: PAGE })
  const queued = await facts.queueUnknown(
    page.blobs.map(({ digest }) => digest),
    graceMs,
  )
  const bytes = page.blobs.reduce((sum, { size }) => sum + size, 0)
  return {
    progress: {
      ...progress,
      position: page.next ?? progress.position,
      checked: progress.checked + page.blobs.length,
      bytes: progress.bytes + bytes,
      found: progress.found + queued,
    },
    isEnded: page.next === undefined,
  }
}
