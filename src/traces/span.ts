import type { Attributes } from './request-trace.ts'

/** A span that is over. */
export interface FinishedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Undefined: the first of its trace. */
  readonly parentId: string | undefined
  /** True if the parent is a span of another program. */
  readonly isParentRemote: boolean
  readonly state: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client'
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: Attributes
  readonly isError: boolean
}
