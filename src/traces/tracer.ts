import { AsyncLocalStorage } from 'node:async_hooks'
import { withoutUserInfo } from '../log/redact.ts'
import { nameError } from './name-error.ts'
import type { Attributes, RequestTrace, Step, TracedCall, TracedRequest } from './request-trace.ts'
import type { FinishedSpan } from './span.ts'
import { createSpanIds } from './span-ids.ts'
import { formatTraceContext, isChosen, parseTraceContext, type TraceContext } from './trace-context.ts'

/** Spans of one request: an upload in many parts must not fill the queue alone. Further ones are counted in the request's span. */
const MAX_SPANS = 128
/** Longest text of an attribute, in characters. */
const MAX_TEXT_LENGTH = 256

/** Methods that are names of their own; all others are one. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
const OTHER_METHOD = '_OTHER'

/** Settings of a tracer. */
interface TracerRules {
  /** Part of the traces begun here that is recorded, 0 to 1; a trace of a trusted proxy is, if that one records it. */
  readonly sampleRatio: number
  /** Takes spans that are over. Neither throws nor waits. */
  readonly onEnd: (span: FinishedSpan) => void
}

/** Makes the traces of requests in one process. */
export class Tracer {
  readonly #rules: TracerRules
  readonly #newId = createSpanIds()
  readonly #active = new AsyncLocalStorage<OpenSpan>()

  constructor(rules: TracerRules) {
    this.#rules = rules
  }

  /** Begins the trace of a request, or continues the one of its trusted proxy. */
  readonly begin = (request: TracedRequest): RequestTrace => {
    const { context } = request
    const remote = context && parseTraceContext(context.traceparent, context.tracestate)
    const traceId = remote?.traceId ?? this.#newId(16)
    const isSampled = remote?.isSampled ?? isChosen(traceId, this.#rules.sampleRatio)
    const state = remote?.state ?? ''
    if (!isSampled) return new PassedTrace({ traceId, state, newId: this.#newId })
    const own = { traceId, parentId: this.#newId(8), isSampled, state }
    const { onEnd } = this.#rules
    const tools = { onEnd, newId: this.#newId, active: this.#active }
    return new RecordedTrace({ own, remoteId: remote?.parentId, request, tools })
  }

  /** Does a part of the work on the request that is being served; without one it is done and not recorded. */
  within<R>(step: Step, work: () => Promise<R>): Promise<R> {
    const span = this.#active.getStore()
    return span ? span.trace.within(step, work) : work()
  }
}

interface PassedParts {
  readonly traceId: string
  readonly state: string
  readonly newId: (bytes: 8 | 16) => string
}

/** The trace of a request that is not sampled. */
class PassedTrace implements RequestTrace {
  readonly isRecorded = false
  readonly traceId: string
  readonly #parts: PassedParts

  constructor(parts: PassedParts) {
    this.traceId = parts.traceId
    this.#parts = parts
  }

  run<R>(work: () => R): R {
    return work()
  }

  within<R>(_step: Step, work: () => Promise<R>): Promise<R> {
    return work()
  }

  beginCall(): TracedCall {
    const { traceId, state, newId } = this.#parts
    const context = { traceId, parentId: newId(8), isSampled: false, state }
    return { headers: formatTraceContext(context), end: () => {} }
  }

  describe(): void {}

  end(): void {}
}

/** A span under way. */
interface OpenSpan {
  readonly trace: RecordedTrace
  readonly spanId: string
}

interface RecordedParts {
  readonly own: TraceContext
  /** Span of the trusted proxy. */
  readonly remoteId: string | undefined
  readonly request: TracedRequest
  readonly tools: {
    readonly onEnd: TracerRules['onEnd']
    readonly newId: (bytes: 8 | 16) => string
    readonly active: AsyncLocalStorage<OpenSpan>
  }
}

class RecordedTrace implements RequestTrace {
  readonly isRecorded = true
  readonly traceId: string
  readonly #parts: RecordedParts
  readonly #method: string
  readonly #startedAt = Date.now()
  readonly #begun = performance.now()
  #attributes: Attributes
  #route: string | undefined
  #spans = 1
  #leftOut = 0
  #isOver = false

  constructor(parts: RecordedParts) {
    const { requestId, method, target, scheme, remoteAddress } = parts.request
    this.#parts = parts
    this.traceId = parts.own.traceId
    this.#method = toKnownMethod(method)
    this.#attributes = {
      'http.request.method': this.#method,
      'url.path': withoutUserInfo(target.split('?', 1)[0] ?? ''),
      'url.scheme': scheme,
      'client.address': remoteAddress,
      'berth.request_id': requestId,
    }
  }

  run<R>(work: () => R): R {
    return this.#parts.tools.active.run({ trace: this, spanId: this.#parts.own.parentId }, work)
  }

  async within<R>(step: Step, work: () => Promise<R>): Promise<R> {
    if (!this.#mayBegin()) return work()
    const span = this.#open(step)
    try {
      const result = await this.#parts.tools.active.run({ trace: this, spanId: span.spanId }, work)
      span.close({}, false)
      return result
    } catch (error) {
      // Errors such as an unknown manifest are answers of a step, and not faults of it.
      span.close({ 'error.type': nameError(error) }, step.kind === 'client')
      throw error
    }
  }

  beginCall(method: string, attributes: Attributes): TracedCall {
    const { own } = this.#parts
    if (!this.#mayBegin()) return { headers: formatTraceContext(own), end: () => {} }
    const name = toKnownMethod(method)
    const span = this.#open({
      kind: 'client',
      name,
      attributes: { ...attributes, 'http.request.method': name },
    })
    let isOpen = true
    return {
      headers: formatTraceContext({ ...own, parentId: span.spanId }),
      end(status, reason) {
        if (!isOpen) return
        isOpen = false
        const isError = status === 0 || status >= 400
        span.close(
          {
            'http.response.status_code': status === 0 ? undefined : status,
            'error.type': isError ? (reason ?? String(status)) : undefined,
          },
          isError,
        )
      },
    }
  }

  describe({ route, ...attributes }: Attributes & { readonly route?: string }): void {
    this.#route = route ?? this.#route
    this.#attributes = { ...this.#attributes, ...attributes, 'http.route': this.#route }
  }

  end(status: number | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    const { own, remoteId } = this.#parts
    const isError = status !== undefined && status >= 500
    this.#parts.tools.onEnd({
      traceId: this.traceId,
      spanId: own.parentId,
      parentId: remoteId,
      isParentRemote: remoteId !== undefined,
      state: own.state,
      name: this.#route === undefined ? this.#method : `${this.#method} ${this.#route}`,
      kind: 'server',
      startedAt: this.#startedAt,
      endedAt: this.#now(),
      attributes: cutTexts({
        ...this.#attributes,
        'http.response.status_code': status,
        'error.type': isError ? String(status) : undefined,
        'berth.spans_left_out': this.#leftOut === 0 ? undefined : this.#leftOut,
      }),
      isError,
    })
  }

  #mayBegin(): boolean {
    if (this.#isOver) return false
    if (this.#spans < MAX_SPANS) return true
    this.#leftOut++
    return false
  }

  /** By a clock that is not set meanwhile, so that no span ends before its begin. */
  #now(): number {
    return this.#startedAt + performance.now() - this.#begun
  }

  #open({ name, kind = 'internal', attributes }: Step): {
    spanId: string
    close(more: Attributes, isError: boolean): void
  } {
    const { own, tools } = this.#parts
    this.#spans++
    const above = tools.active.getStore()
    const spanId = tools.newId(8)
    const startedAt = this.#now()
    return {
      spanId,
      close: (more, isError) =>
        tools.onEnd({
          traceId: this.traceId,
          spanId,
          // Connections that serve several requests keep the context in which they were opened.
          parentId: above?.trace === this ? above.spanId : own.parentId,
          isParentRemote: false,
          state: own.state,
          name,
          kind,
          startedAt,
          endedAt: this.#now(),
          attributes: cutTexts({ ...attributes, ...more }),
          isError,
        }),
    }
  }
}

function toKnownMethod(method: string): string {
  return METHODS.has(method) ? method : OTHER_METHOD
}

function cutTexts(attributes: Attributes): Attributes {
  const cut: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined) continue
    cut[name] = typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH).toWellFormed() : value
  }
  return cut
}
