import { ApiError } from './api-error.ts'
import { PATH_PARAMETERS, type PathParameterName } from './path-parameters.ts'
import { METHODS, type Method, type Route } from './route.ts'

/** The path under which all routes stand. */
export const API_BASE = '/api/v1'

/** A path of the table, with its routes. */
interface Place {
  readonly segments: readonly string[]
  readonly routes: ReadonlyMap<Method, Route>
}

/** A route for a path, with the texts of its parameters. */
export interface FoundPlace {
  readonly path: string
  readonly routes: ReadonlyMap<Method, Route>
  readonly texts: Readonly<Record<string, string>>
}

/** Finds places by path. */
export type FindPlace = (path: string) => FoundPlace | undefined

/** Characters that stand for themselves in a path (RFC 3986, section 2.3). */
const UNRESERVED = /[A-Za-z0-9._~-]/

/** Puts routes in a table. Errors: `TypeError` if two have the same method and path, or a parameter is not known. */
export function createRouteTable(routes: readonly Route[]): FindPlace {
  const places = new Map<string, Map<Method, Route>>()
  const shapes = new Map<string, string>()
  for (const route of routes) {
    const methods = places.get(route.path) ?? new Map<Method, Route>()
    const shape = route.path.replace(/\{\w+\}/g, '{}')
    const other = shapes.get(shape) ?? route.path
    if (other !== route.path) throw new TypeError(`${other} and ${route.path} name the same paths`)
    shapes.set(shape, route.path)
    if (methods.has(route.method)) throw new TypeError(`two routes are ${route.method} ${route.path}`)
    methods.set(route.method, route)
    places.set(route.path, methods)
  }
  const table: Place[] = [...places].map(([path, routes]) => ({ segments: path.split('/').slice(1), routes }))
  return (path) => {
    const segments = splitPath(path)
    if (!segments) return undefined
    for (const place of table) {
      const texts = matchSegments(place.segments, segments)
      if (texts) return { path: `/${place.segments.join('/')}`, routes: place.routes, texts }
    }
    return undefined
  }
}

/**
 * Segments of a path below the base, decoded once; undefined: it is not below it. There is one way to write each path:
 * a slash at its end, two in a row and segments of dots are no path, and escapes that are not needed are refused. Only
 * punctuation that clients differ in, such as a colon, may be escaped or not. Errors: `PATH_INVALID`.
 */
function splitPath(path: string): string[] | undefined {
  if (path === API_BASE) return ['']
  if (!path.startsWith(`${API_BASE}/`) || path.endsWith('/')) return undefined
  return path
    .slice(API_BASE.length + 1)
    .split('/')
    .map(decodeSegment)
}

function decodeSegment(segment: string): string {
  const escapes = segment.match(/%[0-9A-Fa-f]{2}/g) ?? []
  if (!escapes.every(isNeeded)) throw new ApiError('PATH_INVALID')
  try {
    return decodeURIComponent(segment)
  } catch (cause) {
    throw new ApiError('PATH_INVALID', { cause })
  }
}

/** False for a second spelling of the same path, which rules of a proxy before Berth may not cover. */
function isNeeded(escaped: string): boolean {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return escaped === escaped.toUpperCase() && !UNRESERVED.test(character)
}

/** Parameters of a path; undefined: it is another one. Literal segments are never escaped. */
function matchSegments(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined
  const texts: Record<string, string> = {}
  for (const [at, part] of pattern.entries()) {
    const text = segments[at] ?? ''
    const name = parameterOf(part)
    if (name === undefined ? part !== text : text === '') return undefined
    if (name !== undefined) texts[name] = text
  }
  return texts
}

/** The parameter that a segment of a pattern is; undefined: a literal one. */
export function parameterOf(part: string): PathParameterName | undefined {
  if (!part.startsWith('{')) return undefined
  const name = part.slice(1, -1)
  return Object.hasOwn(PATH_PARAMETERS, name) ? (name as PathParameterName) : undefined
}

/** Value of `Allow` for a place. */
export function allowOf(routes: ReadonlyMap<Method, Route>): string {
  const methods = METHODS.filter((method) => routes.has(method))
  return [...methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])), 'OPTIONS'].join(
    ', ',
  )
}
