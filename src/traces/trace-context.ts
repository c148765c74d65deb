/** A trace that began elsewhere, by W3C Trace Context. */
export interface TraceContext {
  readonly traceId: string
  /** Id of the span in the other program. */
  readonly parentId: string
  readonly isSampled: boolean
  /** Empty: there is none. */
  readonly state: string
}

/** Longest `tracestate` that is passed on, in characters: the length that the recommendation asks for at least. */
const MAX_STATE_LENGTH = 512
/** Most members of it, by the recommendation. */
const MAX_STATE_MEMBERS = 32

/** Version, trace id, span id and flags; later versions may have more behind a dash. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** Longest text that is read, in characters: far longer than any version needs. */
const MAX_PARENT_LENGTH = 128
const STATE_MEMBER =
  /^[ \t]*(?:[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e])?[ \t]*$/

/** Reads the headers of a request; undefined: `traceparent` is missing or malformed. A malformed `tracestate` is left out. */
export function parseTraceContext(traceparent: unknown, tracestate: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || traceparent.length > MAX_PARENT_LENGTH) return undefined
  const match = TRACEPARENT.exec(traceparent)
  if (!match) return undefined
  const [, version, traceId = '', parentId = '', flags = '', rest] = match
  if (version === '00' && rest !== undefined) return undefined
  return {
    traceId,
    parentId,
    isSampled: (Number.parseInt(flags, 16) & 1) === 1,
    state: readState(tracestate),
  }
}

function readState(value: unknown): string {
  const text = Array.isArray(value) ? value.join(',') : value
  if (typeof text !== 'string' || text.length > MAX_STATE_LENGTH) return ''
  const members = text.split(',')
  return members.length <= MAX_STATE_MEMBERS && members.every((each) => STATE_MEMBER.test(each)) ? text : ''
}

/** The headers that continue a trace below a span: names and values in turn. */
export function formatTraceContext({ traceId, parentId, isSampled, state }: TraceContext): string[] {
  const headers = ['traceparent', `00-${traceId}-${parentId}-${isSampled ? '01' : '00'}`]
  if (state !== '') headers.push('tracestate', state)
  return headers
}

/** Digits at the end of a trace id that are random by level 2 of the recommendation. */
const RANDOM_DIGITS = 14

/** True for the given part of all traces, by their ids: other programs with this rule choose the same ones. */
export function isChosen(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) >= (1 - ratio) * 16 ** RANDOM_DIGITS
}
