/** Values of attributes of a span. Those that visitors choose are cut where the span is made. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** Part of the work on a request, which becomes a span of its own. */
export interface Step {
  /** One of few names, never a name from outside. */
  readonly name: string
  /** `internal` if undefined. */
  readonly kind?: 'internal' | 'client' | undefined
  readonly attributes?: Attributes | undefined
}

/** A request to another server, as a part of the work on a request. */
export interface TracedCall {
  /** Headers that let the other server continue the trace: names and values in turn. */
  readonly headers: readonly string[]
  /** Ends the span, once. `status`: 0 if no answer came; then `reason` says why. */
  end(status: number, reason?: string): void
}

/**
 * The trace of one request. One that is not sampled records nothing, and still has an id: the log shows it and other servers
 * get it. Nothing here throws, and nothing waits for a collector.
 */
export interface RequestTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** False: it is not sampled. */
  readonly isRecorded: boolean
  /** Runs work, below whose asynchronous calls steps find this request. */
  run<R>(work: () => R): R
  /** Does a part of the work. One that begins after `end()` is done and not recorded. */
  within<R>(step: Step, work: () => Promise<R>): Promise<R>
  /** Begins a request to another server, by its method. */
  beginCall(method: string, attributes: Attributes): TracedCall
  /** Adds attributes to the span of the whole request; `route` also becomes a part of its name. */
  describe(attributes: Attributes & { readonly route?: string }): void
  /** Ends the span of the request, once. `status`: undefined if there was no answer of HTTP. */
  end(status: number | undefined): void
}

/** Facts about a request at its begin. */
export interface TracedRequest {
  readonly requestId: string
  readonly method: string
  /** With a query, which is left out. */
  readonly target: string
  readonly scheme: string
  readonly remoteAddress: string
  /** `traceparent` and `tracestate` of a trusted proxy; undefined: a new trace begins. */
  readonly context: { readonly traceparent: unknown; readonly tracestate: unknown } | undefined
}

/** Begins the trace of a request. */
export type BeginTrace = (request: TracedRequest) => RequestTrace
