import type { z } from 'zod'
import { parseStrictJson } from '../../oci/json.ts'
import type { ConsoleRequest } from '../console.ts'
import { ApiError, type Fault } from './api-error.ts'
import type { Route } from './route.ts'

/** Largest body, in bytes: a document of policies has 64 Ki characters at most. */
const MAX_BODY_BYTES = 128 * 1024
/** Faults that an answer names: a person mends a few at once. */
const MAX_FAULTS = 20
/** Longest text of a client that an answer repeats, in characters. */
const MAX_SHOWN = 80

/** The query by the schema of a route. Errors: `QUERY_INVALID`, also for an unknown parameter and one given twice. */
export function readQuery({ query: schema }: Route, text: string): unknown {
  const given: Record<string, string> = Object.create(null)
  const faults: Fault[] = []
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in given) faults.push({ at: name.slice(0, MAX_SHOWN), message: 'is given twice' })
    given[name] = value
  }
  if (!schema) {
    for (const name in given) faults.push({ at: name.slice(0, MAX_SHOWN), message: 'is not known here' })
  }
  if (faults.length > 0) throw new ApiError('QUERY_INVALID', { faults: faults.slice(0, MAX_FAULTS) })
  if (!schema) return undefined
  const parsed = schema.safeParse({ ...given })
  if (parsed.success) return parsed.data
  throw new ApiError('QUERY_INVALID', { faults: toFaults(parsed.error.issues, (path) => path.join('.')) })
}

/**
 * The body by the schema of a route: JSON without repeated names, of bounded depth. Errors: `BODY_MEDIA_TYPE`,
 * `BODY_INVALID`, those of `readBody()`.
 */
export async function readBodyOf(route: Route, request: ConsoleRequest): Promise<unknown> {
  if (!route.body) return undefined
  const { 'content-type': type = '' } = request.headers
  if (!/^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i.test(String(type))) {
    throw new ApiError('BODY_MEDIA_TYPE')
  }
  const parsed = route.body.safeParse(toJson(await request.readBody(route.maxBodyBytes ?? MAX_BODY_BYTES)))
  if (parsed.success) return parsed.data
  throw new ApiError('BODY_INVALID', { faults: toFaults(parsed.error.issues, toPointer) })
}

function toJson(bytes: Buffer): unknown {
  try {
    return parseStrictJson(bytes)
  } catch (cause) {
    throw new ApiError('BODY_INVALID', {
      message:
        'The body is no JSON: it must be UTF-8, nested 64 deep at most, with no name twice in an object',
      cause,
    })
  }
}

/** Never the value itself: it may be a password. */
function toFaults(
  issues: readonly z.core.$ZodIssue[],
  toPlace: (path: readonly PropertyKey[]) => string,
): Fault[] {
  const faults = issues.flatMap((issue): Fault[] => {
    if (issue.code !== 'unrecognized_keys') return [{ at: toPlace(issue.path), message: toWords(issue) }]
    return issue.keys.map((key) => ({
      at: toPlace([...issue.path, key.slice(0, MAX_SHOWN)]),
      message: 'is not known here',
    }))
  })
  return faults.slice(0, MAX_FAULTS)
}

function toWords(issue: z.core.$ZodIssue): string {
  const { message } = issue
  return issue.code === 'invalid_type' && message.endsWith('received undefined') ? 'is missing' : message
}

function toPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
