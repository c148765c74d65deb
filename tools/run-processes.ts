import { type EventData, run } from 'node:test'
import { spec } from 'node:test/reporters'
import type { TestProcess } from './share-process.ts'

/** Options of a run of test files. */
interface RunOptions {
  readonly cwd: string
  readonly concurrency: number
  /** Longest run of one test. */
  readonly testTimeoutMs: number
}

/** Longest wait for the next file to end, in ms: a test that was given up may keep its process alive for ever. */
const NEXT_END_MS = 900_000

/**
 * Runs test processes in their order, by Node's own runner, called and not spawned: its command would sort them by name.
 * The exit code of this process is 0 only if every process reported its end, every file had tests and nothing failed.
 */
export function runProcesses(processes: readonly TestProcess[], options: RunOptions): void {
  const stopped = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`run-tests: ended by ${signal}`)
      stopped.abort()
    })
  }
  const events = run({
    files: processes.map(({ entry }) => entry),
    cwd: options.cwd,
    concurrency: options.concurrency,
    execArgv: [`--test-timeout=${options.testTimeoutMs}`],
    signal: stopped.signal,
  })
  const notEnded = new Map(processes.map(({ entry, files }) => [entry, files]))
  const stuck = setTimeout(() => {
    console.error(`run-tests: nothing ended within ${NEXT_END_MS / 1000} s; not ended: ${filesOf(notEnded)}`)
    stopped.abort()
  }, NEXT_END_MS).unref()
  const empty = findEmptyFiles(events, processes)
  // A failure until the last report says otherwise: the runner might end without one.
  process.exitCode = 1
  events.on('test:summary', ({ file, success }) => {
    if (file !== undefined) {
      notEnded.delete(file)
      stuck.refresh()
      return
    }
    // Node counts a file as passed if its process ends with 0 before its tests do.
    for (const files of notEnded.values())
      console.error(`run-tests: ${files.join(', ')} ended before its tests, or has none`)
    for (const file of empty) console.error(`run-tests: ${file} has no tests`)
    if (success && notEnded.size === 0 && empty.length === 0 && !stopped.signal.aborted) process.exitCode = 0
  })
  events.compose(spec).pipe(process.stdout)
}

function filesOf(processes: ReadonlyMap<string, readonly string[]>): string {
  return [...processes.values()].flat().join(' ')
}

/**
 * Collects the suites of shared processes that end without a test, as the events come. A suite's own event comes after those
 * of its tests, and no event of another process comes between them.
 */
function findEmptyFiles(
  events: ReturnType<typeof run>,
  processes: readonly TestProcess[],
): readonly string[] {
  const shared = new Set(processes.filter(({ files }) => files.length > 1).map(({ entry }) => entry))
  const empty: string[] = []
  let inner = 0
  const onEnd = ({ nesting, name, file }: EventData.TestPass | EventData.TestFail): void => {
    if (nesting > 0) {
      inner++
      return
    }
    if (file !== undefined && shared.has(file) && inner === 0) empty.push(name)
    inner = 0
  }
  events.on('test:pass', onEnd)
  events.on('test:fail', onEnd)
  return empty
}
