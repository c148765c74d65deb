import { setTimeout as sleep } from 'node:timers/promises'
import type { AnswerRelay, OpenAnswer } from '../../certificates/acme/challenges/challenge-board.ts'
import { sendTo, type WorkerEntry } from './worker-entry.ts'

/**
 * Longest wait for workers to publish an answer for a CA, in milliseconds: a worker that hangs must not delay an order.
 */
const RELAY_TIMEOUT_MS = 5_000

/** The answers for CAs that are open, which every worker publishes. */
export class ChallengeAnswers {
  readonly #entries: ReadonlySet<WorkerEntry>
  readonly #open = new Set<OpenAnswer>()
  #lastId = 0

  /** `entries`: the workers that live. */
  constructor(entries: ReadonlySet<WorkerEntry>) {
    this.#entries = entries
  }

  /** Those that are open, for a worker that starts. */
  list(): OpenAnswer[] {
    return [...this.#open]
  }

  /** Passes answers on to the workers, once `started` has settled: before that there is no listener that a CA could check. */
  relayAfter(started: Promise<void>): AnswerRelay {
    return {
      open: async (answer) => {
        this.#open.add(answer)
        await started
        const given = [...this.#entries].map((entry) => this.#give(entry, answer))
        await Promise.race([Promise.all(given), sleep(RELAY_TIMEOUT_MS, undefined, { ref: false })])
      },
      close: (answer) => {
        this.#open.delete(answer)
        for (const entry of this.#entries) sendTo(entry, { kind: 'close-answer', answer })
      },
    }
  }

  /** Called when a worker has published one. */
  onGiven(entry: WorkerEntry, id: number): void {
    entry.waiting.get(id)?.()
    entry.waiting.delete(id)
  }

  /** Called when a worker has ended: nothing is awaited from it any more. */
  onEnded(entry: WorkerEntry): void {
    for (const done of entry.waiting.values()) done()
  }

  #give(entry: WorkerEntry, answer: OpenAnswer): Promise<void> {
    const id = ++this.#lastId
    return new Promise((resolve) => {
      entry.waiting.set(id, resolve)
      sendTo(entry, { kind: 'open-answer', id, answer })
    })
  }
}
