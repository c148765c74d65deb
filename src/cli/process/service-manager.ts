import type { Logger } from 'pino'

/** Longest run of one `systemd-notify`, in milliseconds. It waits until systemd has read the message, 5 s at most. */
const NOTIFY_TIMEOUT_MS = 6_000
/** Shortest time between two beats, in milliseconds: each is a process. */
const MIN_BEAT_MS = 500
/** Longest time between two, in milliseconds: a timer of Node's takes no more than 24 days, and ends at once beyond. */
const MAX_BEAT_MS = 3_600_000
/** Time for a stop beyond the drain, in seconds, before systemd kills: workers get ten of them. */
const STOP_GRACE_S = 15

/** Reports of a server to the service manager that started it. Without one each call does nothing. */
interface ServiceManager extends Disposable {
  /** Requests are answered from now on. Starts the watchdog's beats if the manager wants them. */
  ready(urls: readonly string[]): void
  /** The server drains for up to this many seconds, and then ends. */
  stopping(drainTimeoutS: number): void
}

/**
 * Reports to systemd by `systemd-notify` (`Type=notify`): Node cannot send the datagrams that systemd reads. Beats of the
 * watchdog come from the event loop, and stop if it does: systemd then ends the process and starts another. A database
 * that does not answer stops no beat, since another start would not bring it back, and would take the sites down.
 *
 * Variables of systemd are removed from `env`: no program that Berth runs may report as Berth.
 */
export function openServiceManager(env: NodeJS.ProcessEnv, logger: Logger): ServiceManager {
  const { NOTIFY_SOCKET: socket, PATH } = env
  const beatMs = readBeat(env)
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name]
  if (!socket) return { ready() {}, stopping() {}, [Symbol.dispose]() {} }
  const send = createSender({ NOTIFY_SOCKET: socket, PATH }, logger)
  let beats: NodeJS.Timeout | undefined
  const onHangup = (): void => {
    send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`)
    send('READY=1')
  }
  return {
    ready(urls) {
      send('READY=1', `STATUS=Serves ${urls.join(' and ')}`)
      process.on('SIGHUP', onHangup)
      if (beatMs !== undefined) beats = setInterval(() => send('WATCHDOG=1'), beatMs)
    },
    stopping(drainTimeoutS) {
      const limit = `EXTEND_TIMEOUT_USEC=${(drainTimeoutS + STOP_GRACE_S) * 1_000_000}`
      send('STOPPING=1', 'STATUS=Stops: requests under way end first', limit)
    },
    [Symbol.dispose]() {
      clearInterval(beats)
      process.off('SIGHUP', onHangup)
    },
  }
}

/** Half of the watchdog's time, in milliseconds; undefined if systemd watches no process, or another one. */
function readBeat({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const limitMs = Number(WATCHDOG_USEC) / 1_000
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid
  return isOurs && limitMs > 0 ? Math.min(Math.max(limitMs / 2, MIN_BEAT_MS), MAX_BEAT_MS) : undefined
}

/**
 * Sends messages one after another, so that systemd reads them in this order. A message that waits when the same one
 * comes again is sent once: beats do not pile up behind a `systemd-notify` that is slow.
 */
function createSender(env: NodeJS.ProcessEnv, logger: Logger): (...lines: string[]) => void {
  const waiting = new Set<string>()
  let last = Promise.resolve()
  let hasFailed = false
  return (...lines) => {
    const message = lines.join('\n')
    if (waiting.has(message)) return
    waiting.add(message)
    last = last
      .then(() => {
        waiting.delete(message)
        return notify(lines, env)
      })
      .catch((err: unknown) => {
        // Once: a watchdog would repeat it twice a minute.
        if (!hasFailed) logger.warn({ err }, 'systemd cannot be reached by systemd-notify')
        hasFailed = true
      })
  }
}

/** Runs `systemd-notify`. Errors: it is missing, or it fails. */
async function notify(lines: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  // Loaded here: a server that no systemd started needs no processes.
  const [{ execFile }, { promisify }] = await Promise.all([import('node:child_process'), import('node:util')])
  await promisify(execFile)('systemd-notify', [...lines], { env, timeout: NOTIFY_TIMEOUT_MS })
}
