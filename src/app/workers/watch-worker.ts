import { readFileSync } from 'node:fs'

/** Time between two questions whether a worker still answers, in milliseconds. */
const PING_EVERY_MS = 1_000
/** Questions in a row that a worker may leave open: the longest work that one does at a stretch takes a few seconds. */
const MAX_UNANSWERED = 10

/** A worker that is asked, while it serves, whether it still answers. */
export interface WatchedWorker {
  readonly pid: number
  ask(): void
  /** Called once, when it does not answer any more. */
  onHung(): void
}

/** The watch over one worker. */
export interface WorkerWatch extends Disposable {
  /** The worker has answered. */
  onAnswer(): void
}

/**
 * Finds out whether a worker hangs: in a loop without end, or because something stopped it. Questions are counted, not
 * time: where the primary gets no processor either, none is asked. A worker that waits for a disk does not hang.
 */
export function watchWorker({ pid, ask, onHung }: WatchedWorker): WorkerWatch {
  let unanswered = 0
  const timer = setInterval(() => {
    if (unanswered >= MAX_UNANSWERED && !isWaitingForDisk(pid)) {
      clearInterval(timer)
      onHung()
      return
    }
    unanswered++
    ask()
  }, PING_EVERY_MS)
  timer.unref()
  return {
    onAnswer() {
      unanswered = 0
    },
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

/** State `D` of proc_pid_stat(5). Where that cannot be read, it is not known. */
function isWaitingForDisk(pid: number): boolean {
  try {
    return /^\d+ \(.*\) D /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
