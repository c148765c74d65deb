import type { ZodType } from 'zod'
import { origin } from './values.ts'
import { z } from './zod.ts'

/** Longest list of origins, and of headers. */
const MAX_ORIGINS = 64
const MAX_HEADERS = 32
/** RFC 9110, 5.6.2, and printable ASCII. */
const HEADER_LINE = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}): ?([\x20-\x7e]{1,500})$/
/** Headers that the registry sets itself, or that describe the connection; CORS has a setting of its own. */
const OWN_HEADERS =
  /^(?:connection|keep-alive|transfer-encoding|upgrade|trailer|te|date|www-authenticate|location|link|range|etag|vary|retry-after|allow|x-request-id|content-(?!security-policy).*|docker-.*|oci-.*|access-control-.*)$/i

/** Origins of pages, as a list or separated by commas; `*` stands for all. */
export const corsOrigins: ZodType<readonly string[]> = z
  .union([z.string().transform((list) => list.split(',')), z.array(z.string())], 'must be a list of origins')
  .transform((list, context) => {
    const entries = list.map((entry) => entry.trim()).filter((entry) => entry !== '')
    if (entries.length > MAX_ORIGINS) context.addIssue(`must hold at most ${MAX_ORIGINS} origins`)
    return entries.map((entry) => {
      if (entry === '*') return entry
      const parsed = origin.safeParse(entry)
      if (parsed.success) return parsed.data
      context.addIssue('must be origins such as https://ui.example.com, or *')
      return z.NEVER
    })
  })

/** Headers added to each answer, each as `Name: value`. */
export const headerLines: ZodType<readonly string[]> = z
  .array(z.string(), 'must be a list of texts such as "X-Frame-Options: DENY"')
  .max(MAX_HEADERS, `must hold at most ${MAX_HEADERS} headers`)
  .transform((lines, context) => {
    for (const line of lines) {
      const [, name] = HEADER_LINE.exec(line) ?? []
      if (name === undefined) context.addIssue('must hold texts such as "X-Frame-Options: DENY"')
      else if (OWN_HEADERS.test(name)) context.addIssue(`cannot set ${name}, which the registry sets itself`)
    }
    return lines
  })

/** The origins of Distribution's `http.headers`; undefined if it names none. */
export function readDistributionOrigins(headers: unknown): readonly string[] | undefined {
  const origins = parsePairs(headers).filter(([name]) => name.toLowerCase() === 'access-control-allow-origin')
  return origins.length === 0 ? undefined : origins.map(([, value]) => value)
}

/** Its other headers, but those of CORS, which follow from the origins; undefined if there are none. */
export function readDistributionHeaders(headers: unknown): readonly string[] | undefined {
  const others = parsePairs(headers).filter(([name]) => !OWN_HEADERS.test(name))
  return others.length === 0 ? undefined : others.map(([name, value]) => `${name}: ${value}`)
}

/** Each name with each of its values. */
function parsePairs(headers: unknown): [string, string][] {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return []
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value): [string, string] => [name, String(value)]),
  )
}
