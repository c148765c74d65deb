import { keepTotals, mergeSamples } from '../../metrics/merge-samples.ts'
import type { MetricSamples } from '../../metrics/metric.ts'

/** Longest wait for the values of a worker, in milliseconds: one that hangs must not hold up a scrape. */
const REPLY_TIMEOUT_MS = 1_000

/** The metrics of all workers, of this moment and of those that have ended. */
export class WorkerFigures<W extends object> {
  readonly #timeoutMs: number
  readonly #last = new Map<W, MetricSamples[]>()
  readonly #waiting = new Map<W, PromiseWithResolvers<boolean>>()
  #ended: MetricSamples[] = []
  #endedCount = 0

  constructor(timeoutMs: number = REPLY_TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs
  }

  /**
   * Values of all workers. Of those that do not reply in time, and of those that have ended, the last totals count, so
   * that no total falls.
   */
  async read(workers: Iterable<W>, request: (worker: W) => void): Promise<MetricSamples[][]> {
    const replies = await Promise.all(
      Array.from(workers, async (worker) => ({ worker, isNew: await this.#await(worker, request) })),
    )
    const silent = replies.filter(({ isNew }) => !isNew).length
    const values = replies.map(({ worker, isNew }) => {
      const last = this.#last.get(worker) ?? []
      return isNew ? last : keepTotals(last)
    })
    return [...values, this.#ended, this.#countWorkers(replies.length - silent, silent)]
  }

  /** Takes the values of a worker. */
  onReply(worker: W, samples: MetricSamples[]): void {
    this.#last.set(worker, samples)
    this.#waiting.get(worker)?.resolve(true)
  }

  /** Keeps the totals of a worker that has ended. */
  onEnded(worker: W): void {
    this.#waiting.get(worker)?.resolve(false)
    this.#ended = mergeSamples([this.#ended, keepTotals(this.#last.get(worker) ?? [])])
    this.#last.delete(worker)
    this.#endedCount++
  }

  async #await(worker: W, request: (worker: W) => void): Promise<boolean> {
    const open = this.#waiting.get(worker)
    if (open) return open.promise
    const reply = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => reply.resolve(false), this.#timeoutMs)
    this.#waiting.set(worker, reply)
    request(worker)
    try {
      return await reply.promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(worker)
    }
  }

  #countWorkers(serving: number, silent: number): MetricSamples[] {
    const states = [
      { labels: { state: 'serving' }, value: serving },
      { labels: { state: 'silent' }, value: silent },
    ]
    return [
      { name: 'berth_workers', samples: states },
      { name: 'berth_workers_ended_total', samples: [{ labels: {}, value: this.#endedCount }] },
    ]
  }
}
