import { readFileSync } from 'node:fs'

/** Time between two pings of a worker, in milliseconds. */
const PING_EVERY_MS = 1_000
/** Pings in a row that a worker may leave unanswered: its longest work at a stretch takes a few seconds. */
const MAX_UNANSWERED = 10

/** A serving worker under watch. */
interface WatchedWorker {
  readonly pid: number
  ping(): void
  /** Called once, when it no longer answers. */
  onHung(): void
}

/** The watch over one worker. */
export interface WorkerWatch extends Disposable {
  /** The worker has answered. */
  onAnswer(): void
}

/**
 * Finds out if a worker hangs: in a loop without end, or because something stopped it. Pings are counted, not time:
 * while the primary gets no processor either, it sends none. A worker that waits for a disk does not hang.
 */
export function watchWorker({ pid, ping, onHung }: WatchedWorker): WorkerWatch {
  let unanswered = 0
  const timer = setInterval(() => {
    if (unanswered >= MAX_UNANSWERED && !isWaitingForDisk(pid)) {
      clearInterval(timer)
      onHung()
      return
    }
    unanswered++
    ping()
  }, PING_EVERY_MS)
  timer.unref()
  return {
    onAnswer() {
      unanswered = 0
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** State `D` of proc_pid_stat(5); false if it cannot be read. */
function isWaitingForDisk(pid: number): boolean {
  try {
    return /^\d+ \(.*\) D /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
