import type { PointRoom } from './content.ts'

/**
 * An act whose calls are numbered. It runs on a copy of the base; after the fault its client repeats it. A new one needs
 * a line in `OPERATIONS`: each request through `ledger.step()` with what it changes.
 */
export interface Operation {
  readonly name: string
  /** Work of the server for itself: its errors go to the log, and no client depends on their codes. */
  readonly isUpkeep?: boolean
  /**
   * The base it runs on: by default that of `makeBase()`; `left`: its folder, left to Distribution, and an empty database; `backed-up`:
   * changed since a backup was made of it; `damaged`: some of its stored bytes are other ones.
   */
  readonly base?: 'left' | 'backed-up' | 'damaged'
  /** Its calls fall into one another, not always in the same order. */
  readonly isInterleaved?: boolean
  /** Its points take several times as long as others: a run has a smaller share of them. */
  readonly isSlow?: boolean
  readonly run: (room: PointRoom) => Promise<void>
  /** Checks of an operation that has succeeded, also made after a cut of the power; the ledger is checked apart from them. */
  readonly checkSuccess?: (room: PointRoom) => Promise<void>
  /** Checks that are made after each run, also one that ended in a fault; the ledger is checked apart from them. */
  readonly checkAlways?: (room: PointRoom) => Promise<void>
  /** True for an error that says to its operator what to do; by default only those of clients are looked at. */
  readonly isClearError?: (error: unknown) => boolean
}
