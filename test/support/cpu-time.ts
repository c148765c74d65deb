import assert from 'node:assert/strict'

/** How much more input the second of two runs has. */
const FACTOR = 8
/** Of what grows with the square it would be 64: noise of caches and of the collector fits in, on a full machine, too. */
const MAX_GROWTH = 5 * FACTOR
/** Milliseconds of the processor below which nothing is measured but noise. */
const NOISE_MS = 60
const RUNS = 4

/** Milliseconds that this thread kept the processor busy with some work: other programs do not count. */
export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage()
  work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000
}

/**
 * Fails if work on a large input takes much more than its share of the processor, compared with an eighth of that input in
 * the same run. `make` gives the work on an input of some size, and is not measured itself.
 */
export function assertGrowsLinearly(make: (size: number) => () => void, size: number): void {
  const [small, large] = [make(size / FACTOR), make(size)]
  // The least of some runs: the first ones are compiled meanwhile.
  const leastOf = (work: () => void): number => Math.min(...Array.from({ length: RUNS }, () => cpuMsOf(work)))
  const smallMs = leastOf(small)
  const largeMs = leastOf(large)
  assert.ok(
    largeMs < NOISE_MS || largeMs < MAX_GROWTH * smallMs,
    `${FACTOR} times the input took ${smallMs} and ${largeMs} ms of the processor`,
  )
}

/** Milliseconds of the processor that {@link slowness} takes. */
const PROBE_MS = 40
/** What is left to this thread by a machine that does little else. */
const IDLE_SLOWNESS = 1.3
/** Several programs have a part in what is waited for, each with as little of the machine as this one. */
const PROGRAMS = 4

/**
 * By how much longer than on an idle machine what is promised by the clock may take just now: 1 if nothing else runs. Taken
 * by how long the clock goes while this thread has some work done.
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
