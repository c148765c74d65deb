import type { Dispatcher } from 'undici'
import type { ChunkCollector } from '../../../stream/chunk-collector.ts'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { toReason, type UpstreamFailure } from './upstream-failure.ts'

/** Receiver of an upstream's answer. */
export interface AnswerSink {
  /**
   * The head of the answer, names and values in turn; `isWhole`: it is known already that there is no body and no
   * trailer.
   */
  head(status: number, raw: readonly Buffer[], isWhole: boolean): void
  /** @returns false to pause until `resume` is called. */
  data(chunk: Buffer): boolean
  end(trailers: readonly string[] | undefined): void
  /** Comes once, in place of `end`; `hasBegun`: the head went out before. */
  fail(reason: UpstreamFailure, error: Error): void
}

/** A request to an upstream. */
export interface OutgoingRequest {
  readonly method: string
  readonly target: string
  readonly headers: string[]
  readonly body: AsyncIterable<Buffer> | null
  readonly settings: LocationSettings
}

/** A request under way. */
export interface Flight {
  abort(): void
  resume(): void
}

/**
 * Statuses whose answers end with their head (RFC 9110 section 8.6), whatever its length: that of 304 is the length of
 * the page that was not sent, and undici would treat the answer as cut short.
 */
const BODYLESS: ReadonlySet<number> = new Set([204, 304])

/** Sends a request to an upstream and gives its answer to a sink as it comes. */
export function forwardRequest(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: OutgoingRequest,
  { sink, collector }: { sink: AnswerSink; collector: ChunkCollector },
): Flight {
  let abort: ((error?: Error) => void) | undefined
  let resume: (() => void) | undefined
  let isAborted = false
  let isOver = false
  const fail = (error: Error): void => {
    if (isOver) return
    isOver = true
    sink.fail(isAborted ? 'aborted' : toReason(error), error)
  }
  dispatcher.dispatch(
    {
      path: request.target,
      method: request.method as Dispatcher.HttpMethod,
      headers: request.headers,
      body: request.body as never,
      headersTimeout: request.settings.proxyReadTimeoutMs,
      bodyTimeout: request.settings.proxyReadTimeoutMs,
      blocking: false,
      // The connector decides the name of the handshake. undici would use the visitor's Host, which differs from
      // request to request, and ends a connection with another name.
      servername: 'upstream',
      // undici never repeats a request: the caller decides that.
      idempotent: false,
    } as Dispatcher.DispatchOptions,
    {
      onConnect(abortRequest) {
        abort = abortRequest
        if (isAborted) abortRequest()
      },
      onHeaders(status, headers, resumeAnswer) {
        // 100, 102 and 103 only announce.
        if (status < 200) return true
        resume = resumeAnswer
        const isWhole = BODYLESS.has(status)
        sink.head(status, headers, isWhole)
        if (isWhole && !isOver && !isAborted) {
          isOver = true
          sink.end(undefined)
        }
        return true
      },
      onData(chunk) {
        collector.countReceived(chunk.length)
        return sink.data(chunk)
      },
      onComplete(trailers) {
        if (isOver) return
        isOver = true
        sink.end(trailers === null ? undefined : (trailers.map(String) as readonly string[]))
      },
      onError: fail,
    },
  )
  return {
    abort() {
      if (isOver) return
      isAborted = true
      abort?.(new Error('The client went away'))
    },
    resume() {
      resume?.()
    },
  }
}
