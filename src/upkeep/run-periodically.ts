/** A task that runs again and again until it is stopped. */
interface Periodic {
  /** Waits for a run under way. */
  stop(): Promise<void>
}

/**
 * Runs a task after `firstMs` and then `everyMs` after each end, never twice at once; a failure is reported and the
 * next run comes as usual. It keeps no process alive.
 */
export function runPeriodically(
  task: () => Promise<void>,
  { firstMs, everyMs, onError }: { firstMs: number; everyMs: number; onError: (error: unknown) => void },
): Periodic {
  let running: Promise<void> | undefined
  let isStopped = false
  const run = (): void => {
    running = task()
      .catch(onError)
      .then(() => {
        running = undefined
        if (!isStopped) timer = setTimeout(run, everyMs).unref()
      })
  }
  let timer = setTimeout(run, firstMs).unref()
  return {
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await running
    },
  }
}
