import type { Dispatcher } from 'undici'
import { countReceivedBytes } from '../../stream/collect-chunks.ts'
import type { LocationSettings } from '../directives/settings.ts'
import type { BodyStopped } from './request-body.ts'

/** Why an upstream gave no answer that can be passed on. */
export type UpstreamFailure =
  /** No connection: nothing was sent, another server can be tried. */
  | 'unreachable'
  /** The connection ended before an answer began. */
  | 'no-answer'
  | 'timeout'
  /** The answer breaks the rules of HTTP, or its head is too large. */
  | 'bad-answer'
  /** The client's body stopped. */
  | 'body'
  | 'aborted'

/** What becomes of a request at an upstream. */
export interface AnswerSink {
  /** The head of the answer, names and values in turn. */
  head(status: number, raw: readonly Buffer[], statusText: string): void
  /** @returns false to be given no more until `resume` was called. */
  data(chunk: Buffer): boolean
  end(trailers: readonly string[] | undefined): void
  /** Comes once, in place of `end`; `hasBegun` says whether the head went out before. */
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

/** Sends a request to an upstream and gives its answer to a sink as it comes. */
export function forwardRequest(dispatcher: Dispatcher, request: OutgoingRequest, sink: AnswerSink): Flight {
  let abort: ((error?: Error) => void) | undefined
  let resume: (() => void) | undefined
  let isAborted = false
  let isOver = false
  const fail = (error: Error): void => {
    if (isOver) return
    isOver = true
    sink.fail(isAborted ? 'aborted' : reasonOf(error), error)
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
      // What comes twice is the same: the client decides what it sends again.
      idempotent: false,
    },
    {
      onConnect(abortRequest) {
        abort = abortRequest
        if (isAborted) abortRequest()
      },
      onHeaders(status, headers, resumeAnswer, statusText) {
        // 100, 102 and 103 only announce.
        if (status < 200) return true
        resume = resumeAnswer
        sink.head(status, headers, statusText)
        return true
      },
      onData(chunk) {
        countReceivedBytes(chunk.length)
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

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_HAS_EXPIRED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'EPROTO',
])

/** What an error of a connection to an upstream comes to. */
export function reasonOf(error: Error & { readonly code?: string }): UpstreamFailure {
  if ((error as Partial<BodyStopped>).name === 'BodyStopped') return 'body'
  const code = error.code ?? ''
  if (UNREACHABLE.has(code)) return 'unreachable'
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout'
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || error.name === 'HTTPParserError') return 'bad-answer'
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'bad-answer'
  return 'no-answer'
}
