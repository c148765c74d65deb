import type { Attributes } from './request-trace.ts'
import type { FinishedSpan } from './span.ts'

/** Numbers of kinds in OTLP. */
const KINDS: Readonly<Record<FinishedSpan['kind'], number>> = { internal: 1, server: 2, client: 3 }
const STATUS_ERROR = 2
/** Flags of a span: sampled; beside it, that the place of its parent is known, and that it is another program. */
const FLAG_SAMPLED = 0x001
const FLAG_KNOWS_REMOTE = 0x100
const FLAG_IS_REMOTE = 0x200

/** The program whose spans are sent. */
export type Resource = Attributes

/** Body of a request of OTLP over HTTP, in its JSON encoding: ids in hexadecimal digits, 64-bit numbers as text. */
export function formatSpans(spans: readonly FinishedSpan[], resource: Resource): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: toKeyValues(resource) },
        scopeSpans: [{ scope: { name: 'berth' }, spans: spans.map(toSpan) }],
      },
    ],
  })
}

function toSpan(span: FinishedSpan): object {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentId !== undefined && { parentSpanId: span.parentId }),
    ...(span.state !== '' && { traceState: span.state }),
    flags: FLAG_SAMPLED | FLAG_KNOWS_REMOTE | (span.isParentRemote ? FLAG_IS_REMOTE : 0),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: toNanoseconds(span.startedAt),
    endTimeUnixNano: toNanoseconds(span.endedAt),
    attributes: toKeyValues(span.attributes),
    ...(span.isError && { status: { code: STATUS_ERROR } }),
  }
}

/** A number holds microseconds since 1970 exactly, and nanoseconds not. */
function toNanoseconds(ms: number): string {
  return `${Math.round(ms * 1_000)}000`
}

function toKeyValues(attributes: Attributes): object[] {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({ key, value: toValue(value) }))
}

function toValue(value: Attributes[string]): object {
  switch (typeof value) {
    case 'boolean':
      return { boolValue: value }
    case 'number':
      return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
    default:
      return { stringValue: value }
  }
}
