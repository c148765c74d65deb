import type { RoundFacts } from '../../metadata/round-facts.ts'
import type { CollectionRound } from '../../upkeep/collect/collector.ts'

/** Time between two notes of a round under way, in milliseconds. */
const NOTE_EVERY_MS = 10_000

/** Notes of one round. */
interface RoundNotes {
  progress(round: CollectionRound): Promise<void>
  end(round: CollectionRound): Promise<void>
}

/** Notes how far a round is, for `berth gc status`; nothing of one that has nothing to do, of which there is one a minute. */
export function noteRound(rounds: Pick<RoundFacts, 'note'>, now: number): RoundNotes {
  const startedAt = new Date(now)
  let notedAt = performance.now()
  const note = async (round: CollectionRound, isEnded: boolean): Promise<void> => {
    notedAt = performance.now()
    const { removed, freedBytes, failed, lookedAt } = round
    const { repository, trashed, manifest, blob } = removed
    const numbers = { repositories: repository, manifests: trashed + manifest, blobs: blob }
    await rounds.note({ startedAt, lookedAt, ...numbers, freedBytes, failed, isEnded })
  }
  return {
    async progress(round) {
      if (performance.now() - notedAt >= NOTE_EVERY_MS) await note(round, false)
    },
    async end(round) {
      if (round.lookedAt > 0) await note(round, true)
    },
  }
}
