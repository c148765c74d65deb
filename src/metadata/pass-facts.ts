import type { Digest } from '../oci/digest.ts'
import type { PassKind } from './schema.ts'

/** Facts about slow passes over all content: one process at a time works on one, and a later one goes on from there. */

/** Sums of a pass. */
export interface PassProgress {
  /** The last digest that was looked at; undefined: none yet. */
  readonly position: Digest | undefined
  /** Number looked at, and their bytes. */
  readonly checked: number
  readonly bytes: number
  /** Damaged or orphaned ones found, and damaged ones mended on the way. */
  readonly found: number
  readonly repaired: number
}

/** A pass, under way or the last one. */
export interface Pass extends PassProgress {
  readonly startedAt: Date
  /** Undefined: under way. */
  readonly endedAt: Date | undefined
  /** True while a process works on it. */
  readonly isHeld: boolean
}

/** When a pass may be taken. */
interface TakeOptions {
  /** Name of the process that takes it: unique among processes, and within one. */
  readonly holder: string
  /** Time from the start of one pass to that of the next, in milliseconds; 0: the next may begin at once. */
  readonly everyMs: number
  /** True: also from a process that works on it, which then stops. */
  readonly isTakenOver?: boolean
  /** True: it begins anew, even if one is under way. */
  readonly isAnew?: boolean
}

/** The process that works on a pass, and how far it is. Errors of all: as of `Metadata`. */
export interface PassFacts {
  /**
   * Takes the pass under way, or begins the next if it is due. A pass that nobody has noted for {@link HELD_MS} is free.
   * 'held': another process works on it.
   */
  take(kind: PassKind, options: TakeOptions): Promise<PassProgress | 'held' | 'not-due'>
  /** Notes how far a pass is, well within that time; false if another process has taken it over. */
  note(kind: PassKind, holder: string, progress: PassProgress): Promise<boolean>
  /** Gives a pass back, ended or not; nothing if another process has taken it over. */
  leave(kind: PassKind, holder: string, progress: PassProgress & { readonly isEnded: boolean }): Promise<void>
  /** The last pass of a kind; undefined: there was none. */
  read(kind: PassKind): Promise<Pass | undefined>
}

/** Time after which a pass that was not noted is free, in milliseconds: its process has ended. */
export const HELD_MS = 2 * 60_000
