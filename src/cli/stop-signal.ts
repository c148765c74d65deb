/** Signals that stop a server, with the exit code of a program that they end. */
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/** A signal that was waited for. */
export interface StopSignal extends Disposable {
  /** Settles with the name of the first stop signal. */
  readonly received: Promise<string>
}

/**
 * Waits for SIGINT or SIGTERM. A second one ends the process at once: whoever sends it does not want to wait. SIGHUP
 * ends a server whose terminal was closed, and no other: to a service it says that a log was rotated or a file has
 * changed, whether it was started with such a log or not.
 */
export function waitForStopSignal(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<string>()
  let isStopping = false
  const listeners = Object.entries(STOP_SIGNALS).map(([signal, exitCode]) => {
    const onSignal = () => {
      if (isStopping) process.exit(exitCode)
      isStopping = true
      resolve(signal)
    }
    process.on(signal, onSignal)
    return { signal, onSignal }
  })
  if (!process.stdin.isTTY) process.on('SIGHUP', ignore)
  return {
    received: promise,
    [Symbol.dispose]() {
      process.off('SIGHUP', ignore)
      for (const { signal, onSignal } of listeners) process.off(signal, onSignal)
    },
  }
}

function ignore(): void {}
