/** Signals that stop a server, with the exit code of a program that they end. */
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGQUIT: 131 } as const
/** Longest time for a start to end after a stop signal, in milliseconds; one that hangs is ended then. */
const START_GRACE_MS = 2_000
/**
 * The same signal within this time, in milliseconds, is the same Ctrl-C: a terminal sends it to all its processes, and
 * npm (`npm start`) passes its own on.
 */
const REPEAT_MS = 500

/** The signals of a server. */
interface StopSignal extends Disposable {
  /** Settles with the name of the first stop signal. */
  readonly received: Promise<string>
  /**
   * From now on a stop signal drains. Before that the system ends the process at once, even one that hangs in a call.
   */
  catchStops(): void
  /** The start is over. */
  started(): void
}

/**
 * Handles the signals of a server. SIGINT, SIGTERM and SIGQUIT stop it; a second one ends the process at once: its
 * sender does not want to wait. One that is only passed on a second time changes nothing. SIGHUP and SIGUSR1 open logs anew, which is done elsewhere, by SIGHUP. SIGHUP also ends
 * a server whose terminal was closed, but no other: to a service it means that a log was rotated or a file has changed.
 */
export function handleSignals(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<string>()
  const added: { signal: string; listener: () => void }[] = []
  const on = (signal: string, listener: () => void): void => {
    process.on(signal, listener)
    added.push({ signal, listener })
  }
  const state = { hasStarted: false, isCatching: false }
  let first: { signal: string; at: number } | undefined
  const onStop = (signal: string, exitCode: number): void => {
    if (first?.signal === signal && performance.now() - first.at < REPEAT_MS) return
    if (first || !state.isCatching) process.exit(exitCode)
    first = { signal, at: performance.now() }
    resolve(signal)
    if (!state.hasStarted)
      setTimeout(() => state.hasStarted || process.exit(exitCode), START_GRACE_MS).unref()
  }
  const listenForStops = (): void => {
    for (const [signal, exitCode] of Object.entries(STOP_SIGNALS)) on(signal, () => onStop(signal, exitCode))
  }
  if (!process.stdin.isTTY) on('SIGHUP', () => {})
  on('SIGUSR1', () => void process.emit('SIGHUP', 'SIGHUP'))
  // The system delivers to process 1 only signals that it handles.
  const isInit = process.pid === 1
  if (isInit) listenForStops()
  return {
    received: promise,
    catchStops() {
      state.isCatching = true
      if (!isInit) listenForStops()
    },
    started() {
      state.hasStarted = true
    },
    [Symbol.dispose]() {
      for (const { signal, listener } of added) process.off(signal, listener)
    },
  }
}
