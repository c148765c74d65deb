import { createMeter, type Meter } from './meter.ts'
import type { MetricSamples } from './metric.ts'

/** Longest wait of a scrape for one source, in milliseconds: Prometheus itself waits 10 s by default. */
const SOURCE_TIMEOUT_MS = 2_000
/** Time for which figures are reused, in milliseconds: many scrapes then cost no more queries than one. */
const KNOWN_MS = 5_000

/** Figures that are read when they are scraped, such as rows of the database. */
export interface MetricSource {
  /** Name in `berth_scrape_source_failed`. */
  readonly name: string
  /** Reads the figures; the returned function sets them, at once. */
  read(): Promise<(meter: Meter) => void>
  /** Called in place of that function if they could not be read, so that no old values stay. */
  forget?(meter: Meter): void
}

/** Bounds of reading, for tests; by default those above. */
interface ReadingBounds {
  readonly timeoutMs?: number
  readonly knownMs?: number
}

/** The metrics of this process: those that are counted as things happen, and those of sources. */
export class ProcessMetrics {
  readonly meter: Meter
  readonly #sources: MetricSource[] = []
  readonly #underWay = new Set<string>()
  readonly #timeoutMs: number
  readonly #knownMs: number
  #known: { readonly at: number; readonly done: Promise<unknown> } | undefined

  private constructor(meter: Meter, { timeoutMs = SOURCE_TIMEOUT_MS, knownMs = KNOWN_MS }: ReadingBounds) {
    this.meter = meter
    this.#timeoutMs = timeoutMs
    this.#knownMs = knownMs
  }

  /** Loads the library of metrics, and makes all without values. */
  static async open(bounds: ReadingBounds = {}): Promise<ProcessMetrics> {
    return new ProcessMetrics(await createMeter(), bounds)
  }

  /** Adds a source of figures. */
  readonly add = (source: MetricSource): void => void this.#sources.push(source)

  /**
   * All values; those of sources are at most a few seconds old. A source that fails or takes too long does not hold up
   * the others, and is not called again while it still works on an earlier call.
   */
  async read(): Promise<MetricSamples[]> {
    if (!this.#known || performance.now() - this.#known.at >= this.#knownMs) {
      const done = Promise.all(this.#sources.map((source) => this.#refresh(source)))
      this.#known = { at: performance.now(), done }
    }
    await this.#known.done
    return this.meter.read()
  }

  async #refresh(source: MetricSource): Promise<void> {
    const apply = this.#underWay.has(source.name) ? undefined : await this.#readInTime(source)
    if (apply) apply(this.meter)
    else source.forget?.(this.meter)
    this.meter.set('berth_scrape_source_failed', apply ? 0 : 1, { source: source.name })
  }

  async #readInTime(source: MetricSource): Promise<((meter: Meter) => void) | undefined> {
    const { promise: late, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => resolve(undefined), this.#timeoutMs)
    this.#underWay.add(source.name)
    const reading = source
      .read()
      .catch(() => undefined)
      .finally(() => this.#underWay.delete(source.name))
    try {
      return await Promise.race([reading, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
