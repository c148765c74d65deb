import type { PointRoom } from './content.ts'
import type { Site } from './site.ts'

/**
 * An act whose calls are numbered. It runs on a copy of the base; after the fault its client repeats it. A new one needs
 * a line in `OPERATIONS`: each request through `ledger.step()` with what it changes.
 */
export interface Operation {
  readonly name: string
  /** Work of the server for itself: its errors go to the log, and no client depends on their codes. */
  readonly isUpkeep?: boolean
  /** The base it runs on: by default that of `makeBase()`; `left`: its folder, left to Distribution, and an empty database. */
  readonly base?: 'left'
  /** Its calls fall into one another, not always in the same order. */
  readonly isInterleaved?: boolean
  readonly run: (room: PointRoom) => Promise<void>
  /** What holds once it has succeeded, also after a cut of the power, beside what the ledger knows. */
  readonly checkSuccess?: (site: Site) => Promise<void>
}
