import { formatSpans, type Resource } from './format-spans.ts'
import { type Collector, postSpans } from './post-spans.ts'
import type { FinishedSpan } from './span.ts'

/** Spans that wait at most; further ones are dropped. With some 1 kB each this is at most some 2 MB. */
const MAX_WAITING = 2_048
/** Spans of one request to the collector. */
const BATCH = 512
/** Longest wait of a span before it is sent, in milliseconds. */
const SEND_EVERY_MS = 5_000
/** Waits after a failure, in milliseconds: doubled with each further one. */
const FIRST_RETRY_MS = 5_000
const MAX_RETRY_MS = 60_000
/** Attempts for one batch: then it is given up, so that newer spans have a chance. */
const MAX_ATTEMPTS = 4
/** Longest time for the last spans at the end, in milliseconds: a collector that hangs must not hold up a stop. */
const FLUSH_MS = 2_000
/** Shortest time between two messages about failures, in milliseconds. */
const LOG_EVERY_MS = 600_000

/** Fate of spans: sent; failed, as the collector did not take them; dropped, as too many waited. */
type SpanFate = 'sent' | 'failed' | 'dropped'

/** Dependencies of a queue. The times are for tests. */
interface QueueParts {
  readonly collector: Collector
  readonly resource: Resource
  readonly count: (fate: SpanFate, spans: number) => void
  /** Called with the first failure, and then seldom. */
  readonly onFailure: (reason: string) => void
  /** Called when the collector takes spans again after a reported failure. */
  readonly onRecovery: () => void
  readonly sendEveryMs?: number
  readonly firstRetryMs?: number
}

/** Finished spans on their way to a collector. Only `[Symbol.asyncDispose]()` waits for it, for a bounded time. */
export class SpanQueue implements AsyncDisposable {
  readonly #parts: QueueParts
  readonly #waiting: FinishedSpan[] = []
  readonly #ending = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #attempts = 0
  #failures = 0
  #loggedAt = Number.NEGATIVE_INFINITY
  #isTroubleKnown = false
  #isEnding = false

  constructor(parts: QueueParts) {
    this.#parts = parts
  }

  /** Takes a span, or drops it if too many wait. */
  readonly add = (span: FinishedSpan): void => {
    if (this.#isEnding || this.#waiting.length >= MAX_WAITING) {
      this.#parts.count('dropped', 1)
      return
    }
    this.#waiting.push(span)
    // While the collector fails only its own timer begins an attempt. Each further span would begin the wait anew.
    if (this.#waiting.length === BATCH && this.#failures === 0 && !this.#sending) this.#schedule(0)
    else if (this.#timer === undefined && !this.#sending)
      this.#schedule(this.#parts.sendEveryMs ?? SEND_EVERY_MS)
  }

  #schedule(ms: number): void {
    if (this.#isEnding) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined
        if (this.#waiting.length > 0) this.#schedule(this.#nextMs())
      })
    }, ms)
    this.#timer.unref()
  }

  #nextMs(): number {
    const { sendEveryMs = SEND_EVERY_MS, firstRetryMs = FIRST_RETRY_MS } = this.#parts
    if (this.#failures > 0) return Math.min(firstRetryMs * 2 ** (this.#failures - 1), MAX_RETRY_MS)
    return this.#waiting.length >= BATCH ? 0 : sendEveryMs
  }

  /** Sends one batch, which stays in the queue until its fate is known. */
  async #send(): Promise<void> {
    const { collector, resource, count } = this.#parts
    const batch = this.#waiting.slice(0, BATCH)
    const posted = await postSpans(collector, formatSpans(batch, resource), this.#ending.signal)
    if (posted.kind === 'accepted') {
      this.#failures = 0
      const rejected = Math.min(posted.rejected, batch.length)
      this.#remove(batch.length)
      if (rejected > 0) count('failed', rejected)
      if (batch.length > rejected) count('sent', batch.length - rejected)
      this.#reportRecovery()
      return
    }
    this.#failures++
    this.#attempts++
    if (!posted.isTemporary || this.#attempts >= MAX_ATTEMPTS) {
      this.#remove(batch.length)
      count('failed', batch.length)
    }
    this.#reportFailure(posted.reason)
  }

  #remove(spans: number): void {
    this.#waiting.splice(0, spans)
    this.#attempts = 0
  }

  #reportFailure(reason: string): void {
    if (performance.now() - this.#loggedAt < LOG_EVERY_MS) return
    this.#loggedAt = performance.now()
    this.#isTroubleKnown = true
    this.#parts.onFailure(reason)
  }

  #reportRecovery(): void {
    if (!this.#isTroubleKnown) return
    this.#isTroubleKnown = false
    this.#parts.onRecovery()
  }

  /** Sends what waits, for a bounded time; the rest is counted as failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    clearTimeout(this.#timer)
    const timer = setTimeout(() => this.#ending.abort(), FLUSH_MS)
    await this.#sending
    while (this.#waiting.length > 0 && this.#failures === 0 && !this.#ending.signal.aborted)
      await this.#send()
    clearTimeout(timer)
    if (this.#waiting.length > 0) this.#parts.count('failed', this.#waiting.length)
    this.#waiting.length = 0
  }
}
