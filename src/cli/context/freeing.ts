import { formatBytes, formatTime } from '../output/table.ts'
import type { CommandContext } from './command-context.ts'
import { loadWithoutDomain } from './load-without-domain.ts'

const DAY_MS = 24 * 3_600_000

/** The room that a deletion gives back, and when. */
interface Freeing {
  /** Bytes that nothing else holds; undefined: not computed. */
  readonly bytes: number | undefined
  /** Time from which on the server removes them, unless the content is restored before. */
  readonly freeAt: Date
}

/** The freeing of what is deleted now: its bytes stay for the days in which it can be restored. */
export function findFreeing(context: CommandContext, bytes: number | undefined): Freeing {
  return { bytes, freeAt: new Date(Date.now() + loadWithoutDomain(context).keepDays * DAY_MS) }
}

/** The same as a sentence. */
export function formatFreeing({ bytes, freeAt }: Freeing): string {
  const room =
    bytes === undefined || bytes === 0 ? 'What nothing else needs' : `At least ${formatBytes(bytes)}`
  return `${room} is free at ${formatTime(freeAt)}; until then "berth trash restore" brings it back, and "berth trash empty" and "berth gc --now" free it at once`
}
