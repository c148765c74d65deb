import { run } from 'node:test'
import { spec } from 'node:test/reporters'

/** Options of a run of test files. */
interface RunFilesOptions {
  readonly cwd: string
  readonly concurrency: number
  /** Longest run of one test. */
  readonly testTimeoutMs: number
}

/** Longest wait for the next file to end, in ms: a test that was given up may keep its process alive for ever. */
const NEXT_END_MS = 900_000

/**
 * Runs test files in their order, by Node's own runner, called and not spawned: its command would sort them by name.
 * The exit code of this process is 0 only if every file reported its end and nothing failed.
 */
export function runFiles(files: readonly string[], options: RunFilesOptions): void {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`run-tests: ended by ${signal}`)
      stopped.abort()
    })
  }
  const events = run({
    files,
    cwd: options.cwd,
    concurrency: options.concurrency,
    execArgv: [`--test-timeout=${options.testTimeoutMs}`],
    signal: stopped.signal,
  })
  const untold = new Set(files)
  const stuck = setTimeout(() => {
    console.error(
      `run-tests: nothing ended within ${NEXT_END_MS / 1000} s; not ended: ${[...untold].join(' ')}`,
    )
    stopped.abort()
  }, NEXT_END_MS).unref()
  // A failure until the last report says otherwise: the runner might end without one.
  process.exitCode = 1
  events.on('test:summary', ({ file, success }) => {
    if (file !== undefined) {
      untold.delete(file)
      stuck.refresh()
      return
    }
    // Node counts a file as passed if its process ends with 0 before its tests do.
    for (const early of untold) console.error(`run-tests: ${early} ended before its tests, or has none`)
    if (success && untold.size === 0 && !stopped.signal.aborted) process.exitCode = 0
  })
  events.compose(spec).pipe(process.stdout)
}
