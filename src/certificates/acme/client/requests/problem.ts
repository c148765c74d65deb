/** A problem document of a CA (RFC 7807, RFC 8555 section 6.7), cut to a length that can be shown. */
export interface Problem {
  /** The part after `urn:ietf:params:acme:error:`, or the whole type if it is another's; `about:blank` if none was given. */
  readonly type: string
  readonly detail: string
  /** Status of the reply; undefined if the problem was part of a resource. */
  readonly status: number | undefined
  /** Problems of single names. */
  readonly subproblems: readonly Subproblem[]
}

/** Problem with one name of an order (RFC 8555 section 6.7.1). */
interface Subproblem {
  readonly type: string
  readonly detail: string
  /** The name; undefined if the CA named none. */
  readonly name: string | undefined
}

const PREFIX = 'urn:ietf:params:acme:error:'
/** Longest text kept of a CA's message, in characters. */
const MAX_DETAIL_LENGTH = 1000
/** Most problems of single names kept: as many as a certificate of Let's Encrypt may have names. */
const MAX_SUBPROBLEMS = 100

/** Reads a problem document; undefined if it is none. */
export function parseProblem(value: unknown, status?: number): Problem | undefined {
  if (!isObject(value)) return undefined
  if (typeof value.type !== 'string' && typeof value.detail !== 'string') return undefined
  const list = Array.isArray(value.subproblems) ? value.subproblems.slice(0, MAX_SUBPROBLEMS) : []
  const subproblems = list.filter(isObject).map((entry) => ({
    type: parseType(entry.type),
    detail: cut(entry.detail),
    name:
      isObject(entry.identifier) && entry.identifier.value !== undefined
        ? cut(entry.identifier.value)
        : undefined,
  }))
  return { type: parseType(value.type), detail: cut(value.detail), status, subproblems }
}

/** One line for people: type, detail, and the problem of each name. */
export function describeProblem(problem: Problem): string {
  const own = describe(problem.type, problem.detail)
  const others = problem.subproblems.map(
    (each) => `${each.name ?? 'a name'}: ${describe(each.type, each.detail)}`,
  )
  return [own, ...others].join('; ')
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(type: string, detail: string): string {
  return detail === '' ? type : `${type}: ${detail}`
}

function parseType(value: unknown): string {
  const type = typeof value === 'string' && value !== '' ? cut(value) : 'about:blank'
  return type.startsWith(PREFIX) ? type.slice(PREFIX.length) : type
}

/** Text of another machine for a terminal: one line, no control characters, bounded. */
function cut(value: unknown): string {
  if (typeof value !== 'string') return ''
  const text = value
    .slice(0, MAX_DETAIL_LENGTH)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]+/gu, ' ')
    .trim()
  return value.length > MAX_DETAIL_LENGTH ? `${text}…` : text
}
