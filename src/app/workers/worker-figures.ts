import { keepTotals, mergeSamples } from '../../metrics/merge-samples.ts'
import type { MetricSamples } from '../../metrics/metric.ts'
import { WorkerReplies } from './worker-replies.ts'

/** The metrics of all workers, of this moment and of those that have ended. */
export class WorkerFigures<W extends object> {
  readonly #last = new Map<W, MetricSamples[]>()
  readonly #replies: WorkerReplies<W, MetricSamples[]>
  #ended: MetricSamples[] = []
  #endedCount = 0

  constructor(timeoutMs?: number) {
    this.#replies = new WorkerReplies(timeoutMs)
  }

  /**
   * Values of all workers. Of those that do not reply in time, and of those that have ended, the last totals count, so
   * that no total falls.
   */
  async read(workers: Iterable<W>, request: (worker: W) => void): Promise<MetricSamples[][]> {
    const replies = await Promise.all(
      Array.from(workers, async (worker) => ({
        worker,
        isNew: (await this.#replies.request(worker, request)) !== undefined,
      })),
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
    this.#replies.onReply(worker, samples)
  }

  /** Keeps the totals of a worker that has ended. */
  onEnded(worker: W): void {
    this.#replies.onEnded(worker)
    this.#ended = mergeSamples([this.#ended, keepTotals(this.#last.get(worker) ?? [])])
    this.#last.delete(worker)
    this.#endedCount++
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
