import assert from 'node:assert/strict'

/** Factor between the inputs of the two runs. */
const FACTOR = 8
/**
 * Largest accepted growth. Quadratic work would grow by 64; noise of caches and of the collector stays below this, on a
 * full machine, too.
 */
const MAX_GROWTH = 5 * FACTOR
/** Milliseconds of processor time below which a measurement is noise. */
const NOISE_MS = 60
const RUNS = 4

/** Milliseconds of processor time of this thread for some work: other programs do not count. */
export function measureCpuMs(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

/**
 * Fails if work on a large input takes much more than its share of processor time, compared with an eighth of that
 * input in the same run. `make` gives the work on an input of some size, and is not measured itself.
 */
export function assertGrowsLinearly(make: (size: number) => () => void, size: number): void {
  const [small, large] = [make(size / FACTOR), make(size)]
  // The least of some runs: the first ones are compiled meanwhile.
  const smallMs = Math.min(...Array.from({ length: RUNS }, () => measureCpuMs(small)))
  const largestMs = Math.max(NOISE_MS, MAX_GROWTH * smallMs)
  let largeMs = Number.POSITIVE_INFINITY
  // One run that is fast enough decides, as the least one would.
  for (let run = 0; run < RUNS && largeMs >= largestMs; run++)
    largeMs = Math.min(largeMs, measureCpuMs(large))
  assert.ok(
    largeMs < largestMs,
    `${FACTOR} times the input took ${smallMs} and ${largeMs} ms of the processor`,
  )
}

/** Milliseconds of the processor that {@link slowness} takes. */
const PROBE_MS = 40
/** Slowness of a machine that does little else. */
const IDLE_SLOWNESS = 1.3
/** Programs that a measured wait depends on, each with as little of the machine as this one. */
const PROGRAMS = 4

/**
 * Factor by which waits may be longer just now than on an idle machine: 1 if nothing else runs. Measured by the wall
 * time of some work of this thread.
 */
export function slowness(): number {
  const begin = performance.now()
  const before = process.threadCpuUsage()
  let busyMs = 0
  while (busyMs < PROBE_MS) {
    const { user, system } = process.threadCpuUsage(before)
    busyMs = (user + system) / 1_000
  }
  const ratio = (performance.now() - begin) / busyMs
  return ratio < IDLE_SLOWNESS ? 1 : ratio * PROGRAMS
}
