import { readdir, readFile } from 'node:fs/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Meter } from './meter.ts'
import type { MetricSource } from './process-metrics.ts'

/** Time between two timers that measure the delay, in milliseconds: five a tenth of a second cost next to nothing. */
const DELAY_RESOLUTION_MS = 20
const NANOSECONDS = 1e9
const MICROSECONDS = 1e6

/** Task of a process: it serves alone, or with others as a worker of a primary. */
export type ProcessRole = 'server' | 'primary' | 'worker'

/** Memory, processor time, files and delays of this process. */
export class ProcessFigures implements MetricSource, Disposable {
  readonly name = 'process'
  readonly #role: ProcessRole
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>
  #cpu = { user: 0, system: 0 }

  constructor(role: ProcessRole) {
    this.#role = role
    this.#delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
    this.#delay.enable()
  }

  async read(): Promise<(meter: Meter) => void> {
    const files = await countOpenFiles()
    return (meter) => {
      const role = this.#role
      const { rss, heapUsed } = process.memoryUsage()
      meter.set('berth_processes', 1, { role })
      meter.set('berth_resident_memory_bytes', rss, { role })
      meter.set('berth_heap_used_bytes', heapUsed, { role })
      this.#setCpu(meter)
      this.#setDelay(meter)
      if (!files) return
      meter.set('berth_open_fds', files.open, { role })
      meter.set('berth_max_fds', files.max, { role })
    }
  }

  [Symbol.dispose](): void {
    this.#delay.disable()
  }

  #setCpu(meter: Meter): void {
    const now = process.cpuUsage()
    for (const mode of ['user', 'system'] as const) {
      const spent = (now[mode] - this.#cpu[mode]) / MICROSECONDS
      meter.count('berth_cpu_seconds_total', { role: this.#role, mode }, Math.max(spent, 0))
    }
    this.#cpu = now
  }

  #setDelay(meter: Meter): void {
    if (this.#delay.count === 0) return
    // Each value includes the time between two timers itself.
    const toSeconds = (nanoseconds: number): number =>
      Math.max(nanoseconds - DELAY_RESOLUTION_MS * MICROSECONDS, 0) / NANOSECONDS
    const role = this.#role
    meter.set('berth_event_loop_delay_p99_seconds', toSeconds(this.#delay.percentile(99)), { role })
    meter.set('berth_event_loop_delay_max_seconds', toSeconds(this.#delay.max), { role })
    this.#delay.reset()
  }
}

/** Of Linux only; undefined elsewhere. */
async function countOpenFiles(): Promise<{ open: number; max: number } | undefined> {
  try {
    const [open, limits] = await Promise.all([
      readdir('/proc/self/fd'),
      readFile('/proc/self/limits', 'utf8'),
    ])
    const max = /^Max open files +(\d+)/m.exec(limits)?.[1]
    // The one that reads the folder is among them.
    return max === undefined ? undefined : { open: open.length - 1, max: Number(max) }
  } catch {
    return undefined
  }
}
