import type { Worker } from 'node:cluster'
import { AppError } from '../faults/app-error.ts'
import type { WorkerGrants } from './decide-together.ts'
import type { StartFailure, ToWorker } from './messages.ts'
import type { WorkerWatch } from './watch-worker.ts'

/** A worker that lives, as the primary sees it. */
export interface WorkerEntry {
  readonly worker: Worker
  readonly grants: WorkerGrants
  readonly startedAt: number
  readonly serving: PromiseWithResolvers<readonly string[]>
  readonly ended: PromiseWithResolvers<void>
  /** Answers that it has not confirmed yet. */
  readonly waiting: Map<number, () => void>
  /** Set while it serves. */
  watch: WorkerWatch | undefined
}

/** Sends a message; one that is gone gets none. */
export function sendTo({ worker }: WorkerEntry, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => {})
}

/** The error of a worker that does not begin. */
export function cannotBegin(what: string): AppError {
  return new AppError(
    'WORKER_FAILED',
    what,
    'Look at the lines before this one; with --workers 1 one process serves alone',
  )
}

/** The error that a worker reports. Commands distinguish errors by name and code, not by class. */
export function toStartError({ name, code, message, remedy }: StartFailure): Error {
  return Object.assign(new Error(message), { name, code, remedy })
}
