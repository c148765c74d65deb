import cluster from 'node:cluster'
import { fileURLToPath } from 'node:url'
import type { WorkerGrants } from './decide-together.ts'
import { closeUntakenConnections } from './handed-connections.ts'
import type { ToPrimary } from './messages.ts'
import { cannotBegin, type WorkerEntry } from './worker-entry.ts'

/** Longest start of a worker, in milliseconds: one takes half a second. */
const START_TIMEOUT_MS = 60_000
/** Without it that signal opens Node's debugger, to which any user of the machine can connect. */
const WORKER_FLAGS = ['--disable-sigusr1']

/** Says what a worker is, before the first one is started. */
export function prepareForks({ hasPassedSockets }: { hasPassedSockets: boolean }): void {
  const file = `../../worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`
  // Each worker takes connections from the passed sockets itself: `node:cluster` drops those that it holds for a worker
  // which stops, and they could have waited for the next server.
  cluster.schedulingPolicy = hasPassedSockets ? cluster.SCHED_NONE : cluster.SCHED_RR
  cluster.setupPrimary({
    exec: fileURLToPath(new URL(file, import.meta.url)),
    args: [],
    execArgv: [...process.execArgv, ...WORKER_FLAGS],
    serialization: 'advanced',
  })
}

/** Parts of a worker, and what is called with its events. */
interface ForkOptions {
  readonly grants: WorkerGrants
  /** Settles when it serves, or fails to begin. */
  readonly serving: WorkerEntry['serving']
  readonly onMessage: (entry: WorkerEntry, message: ToPrimary) => void
  readonly onExit: (entry: WorkerEntry, code: number | null, signal: string | null) => void
}

/** Starts a worker, which waits for its first message. Errors: `AppError` `WORKER_FAILED`, and those of the system. */
export function forkWorker({ grants, serving, onMessage, onExit }: ForkOptions): WorkerEntry {
  const worker = cluster.fork()
  // A failed message shows in the worker's exit.
  worker.on('error', () => {})
  closeUntakenConnections(worker)
  if (worker.process.pid === undefined) throw cannotBegin('The system starts no further process')
  const entry: WorkerEntry = {
    worker,
    grants,
    startedAt: performance.now(),
    serving,
    ended: Promise.withResolvers(),
    waiting: new Map(),
    watch: undefined,
  }
  // The start of a later one is not awaited.
  serving.promise.catch(() => {})
  worker.on('message', (message: ToPrimary) => onMessage(entry, message))
  worker.on('exit', (code, signal) => onExit(entry, code, signal))
  const isLate = setTimeout(() => worker.process.kill('SIGKILL'), START_TIMEOUT_MS)
  const inTime = (): void => clearTimeout(isLate)
  serving.promise.then(inTime, inTime)
  return entry
}
