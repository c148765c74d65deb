/** The least speed of a source: so many bytes, or its end, within a time of waiting for it. */
export interface LeastSpeed {
  readonly bytes: number
  readonly withinMs: number
}

/** Less than the slowest line in use gives; with it a layer of 1 GiB takes 17 hours at most. */
export const LEAST_SPEED: LeastSpeed = { bytes: 1024 ** 2, withinMs: 60_000 }

/**
 * The bytes of a source, as long as it keeps to a speed. Only the time of waiting for the source counts, not that of who reads
 * from here. A source that is too slow gets the end of the signal, and is not waited for. Errors: those of the source; one that names the speed.
 */
export async function* atLeastSpeed(
  open: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  { bytes: leastBytes, withinMs }: LeastSpeed,
): AsyncGenerator<Uint8Array> {
  const stopping = new AbortController()
  const source = open(stopping.signal)[Symbol.asyncIterator]()
  let [bytes, leftMs, isEnded] = [0, withinMs, false]
  try {
    for (;;) {
      const startMs = performance.now()
      const next = await within(source.next(), leftMs, () => tooSlow({ bytes: leastBytes, withinMs }))
      if (next.done) {
        isEnded = true
        return
      }
      bytes += next.value.byteLength
      leftMs -= performance.now() - startMs
      if (bytes >= leastBytes) [bytes, leftMs] = [0, withinMs]
      yield next.value
    }
  } finally {
    stopping.abort()
    // One that does not answer would not end either.
    if (!isEnded) source.return?.().catch(() => {})
  }
}

async function within<T>(work: Promise<T>, ms: number, toError: () => Error): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(toError()), Math.max(0, ms))
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
    // Its failure after the end is of no interest.
    work.catch(() => {})
  }
}

function tooSlow({ bytes, withinMs }: LeastSpeed): Error {
  return new Error(
    `The other registry is too slow: it sent less than ${bytes} bytes in ${withinMs / 1_000} s`,
  )
}
