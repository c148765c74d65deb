/** Facts about the rounds of collection of servers, for people who look at them. */

/** Sums of a round. */
interface RoundProgress {
  readonly startedAt: Date
  /** Entries of the queue that were looked at. */
  readonly lookedAt: number
  readonly repositories: number
  readonly manifests: number
  readonly blobs: number
  readonly freedBytes: number
  /** Entries that could not be removed. */
  readonly failed: number
}

/** The round under way, or the last one that had something to do. With several nodes: that of the last one to note it. */
export interface RoundReport extends RoundProgress {
  readonly notedAt: Date
  /** Undefined: under way, or cut off if it was noted more than a minute ago. */
  readonly endedAt: Date | undefined
}

/** Rounds of collection as servers note them. Errors of all: as of `Metadata`. */
export interface RoundFacts {
  /** Notes how far a round is. */
  note(progress: RoundProgress & { readonly isEnded: boolean }): Promise<void>
  /** Undefined: no round had anything to do so far. */
  read(): Promise<RoundReport | undefined>
  /** The last round, if any, and the time until which rounds wait after a pause of more than a day, if it is not over. */
  readTimes(): Promise<{ readonly lastAt: Date | undefined; readonly waitsUntil: Date | undefined }>
}
