import type { ProcessReport, ReportKind } from '../status/process-report.ts'
import type { WorkerReports } from '../status/server-report.ts'
import { WorkerReplies } from './worker-replies.ts'

/** Reads what each worker does. */
export class WorkerInspection<W extends object> {
  readonly #replies: Record<ReportKind, WorkerReplies<W, ProcessReport>> = {
    activity: new WorkerReplies(),
    lines: new WorkerReplies(),
  }

  /** Reports of all workers; those that do not reply in time are counted as silent. */
  async read(workers: Iterable<W>, kind: ReportKind, request: (worker: W) => void): Promise<WorkerReports> {
    const replies = await Promise.all(
      Array.from(workers, (worker) => this.#replies[kind].request(worker, request)),
    )
    const processes = replies.filter((report) => report !== undefined)
    return { processes, silent: replies.length - processes.length }
  }

  /** Takes the report of a worker. */
  onReply(worker: W, kind: ReportKind, report: ProcessReport): void {
    this.#replies[kind].onReply(worker, report)
  }

  /** A worker that has ended reports no more. */
  onEnded(worker: W): void {
    for (const replies of Object.values(this.#replies)) replies.onEnded(worker)
  }
}
