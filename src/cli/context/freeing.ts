import { formatBytes, formatTime } from '../output/table.ts'
import type { CommandContext } from './command-context.ts'
import { loadWithoutDomain } from './load-without-domain.ts'

const DAY_MS = 24 * 3_600_000

/** The room that a deletion gives back, and when. */
export interface Freeing {
  /** Bytes that nothing else holds. */
  readonly bytes: number
  /** Time from which on the server removes them, unless the content is restored before. */
  readonly freeAt: Date
}

/** The freeing of what is deleted now: its bytes stay for the days in which it can be restored. */
export function findFreeing(context: CommandContext, bytes: number): Freeing {
  return { bytes, freeAt: new Date(Date.now() + loadWithoutDomain(context).keepDays * DAY_MS) }
}

/** The same as a sentence. `what`: a deleted tag leaves nothing in the trash. */
export function formatFreeing({ bytes, freeAt }: Freeing, what: 'tags' | 'trash' = 'trash'): string {
  if (bytes === 0) return 'No room becomes free: other images or repositories need the content'
  const room = `${formatBytes(bytes)} become free at ${formatTime(freeAt)}`
  return what === 'tags'
    ? `${room}; until then "berth tag restore" brings them back, and "berth gc --now" frees the room at once`
    : `${room}; until then "berth trash restore" brings it back, and "berth trash empty" and "berth gc --now" free it at once`
}
