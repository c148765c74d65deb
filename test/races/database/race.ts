import type { BerthSchema } from '../../../src/app/database/database-schema.ts'
import type { Database } from '../../../src/database/database.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'

/** A server of several on one database. */
export interface RaceNode {
  readonly database: Database<BerthSchema>
  readonly metadata: Metadata
}

/** One run of a race. */
export interface Round {
  readonly nodes: readonly RaceNode[]
  readonly round: number
  /** Keeps its rows apart from those of other rounds. */
  readonly id: string
  readonly random: SeededRandom
}

/** Work of several nodes at once, whose faults are counted. */
export interface Race {
  /** Ends with what is counted. */
  readonly name: string
  /** Of the whole run. */
  readonly rounds: number
  /** Most that can go wrong in a round. */
  readonly perRound: number
  /** Returns the number of faults of a round. */
  readonly run: (round: Round) => Promise<number>
}

/** Starts all of them before any can end. */
export function allAtOnce<R>(steps: readonly (() => Promise<R>)[]): Promise<PromiseSettledResult<R>[]> {
  return Promise.allSettled(steps.map((step) => step()))
}
