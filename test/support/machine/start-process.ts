import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

/** Longest time a server may take until it is ready, in ms. */
const START_TIMEOUT_MS = 30_000
/** Longest time a server may take to stop before it is killed, in ms. */
const STOP_TIMEOUT_MS = 20_000
/** Pause between two looks whether it is ready, in ms. */
const POLL_MS = 50

/** A server that a test started. */
export interface StartedProcess {
  readonly pid: number
  readonly logFile: string
  /** Its output so far. */
  readLog(): Promise<string>
  /** Sends SIGTERM and waits. @returns the exit code, undefined if a signal ended it or it had to be killed. */
  stop(): Promise<number | undefined>
}

/** Command, and the check that it serves. */
interface ProcessOptions {
  readonly args: readonly string[]
  readonly logFile: string
  readonly env?: NodeJS.ProcessEnv | undefined
  readonly cwd?: string | undefined
  /** True once it serves; a throw counts as "not yet". */
  readonly isReady: () => Promise<boolean>
}

/**
 * Starts a server with both output streams in a file and waits until it is ready.
 * Errors: it ended first, or was not ready in time; the message holds its log.
 */
export async function startProcess(file: string, options: ProcessOptions): Promise<StartedProcess> {
  const log = await open(options.logFile, 'a')
  const child = spawn(file, options.args, {
    env: options.env,
    cwd: options.cwd,
    stdio: ['ignore', log.fd, log.fd],
  })
  // `once` rejects on 'error', which comes instead of 'spawn'; both may come before the next await ends.
  const spawned = once(child, 'spawn')
  await Promise.all([spawned, log.close()])
  const readLog = (): Promise<string> => readFile(options.logFile, 'utf8')
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const stop = async (): Promise<number | undefined> => {
    if (!hasEnded()) {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
      await exit
      clearTimeout(timer)
    }
    return child.exitCode ?? undefined
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await options.isReady().catch(() => false))) {
    if (hasEnded() || Date.now() > deadline) {
      await stop()
      const why = child.exitCode === null ? 'was not ready in time' : `ended with ${child.exitCode}`
      throw new Error(`${file} ${why}\n${await readLog()}`)
    }
    await sleep(POLL_MS)
  }
  return { pid: child.pid ?? 0, logFile: options.logFile, readLog, stop }
}
