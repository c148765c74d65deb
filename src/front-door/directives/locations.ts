import { matchRegex } from './regex.ts'
import type { RewriteStep } from './rewrite-steps.ts'
import type { LocationSettings, Template } from './settings.ts'

/** How a location is matched. */
export type LocationMatcher =
  | { readonly kind: 'exact'; readonly path: string }
  /** `^~`: no regular expression is tried once this is the longest. */
  | { readonly kind: 'prefix'; readonly path: string; readonly isFinal: boolean }
  | { readonly kind: 'regex'; readonly regex: RegExp }
  | { readonly kind: 'named'; readonly name: string }

/** What a location does once it was chosen. */
export type LocationContent =
  | { readonly kind: 'declared'; readonly path: string; readonly destination: string }
  | { readonly kind: 'proxy'; readonly origin: Template; readonly uri: Template | undefined }
  | {
      readonly kind: 'files'
      readonly root: string
      readonly alias: string | undefined
      readonly tryFiles: readonly Template[] | undefined
      readonly index: readonly string[]
    }
  | { readonly kind: 'none' }

/** A location, ready to be chosen. */
export interface Location {
  readonly matcher: LocationMatcher
  readonly settings: LocationSettings
  readonly steps: readonly RewriteStep[]
  readonly content: LocationContent
  readonly isInternal: boolean
  readonly nested: LocationSet
}

/** A location that was chosen for a path. */
export interface ChosenLocation {
  readonly location: Location
  /** Of the regular expression that chose it. */
  readonly captures: RegExpExecArray | undefined
}

/** The locations of one level, ordered for the search. */
export class LocationSet {
  readonly #all: readonly Location[]
  readonly #exact: ReadonlyMap<string, Location>
  /** Longest first. */
  readonly #prefixes: readonly (Location & {
    readonly matcher: { readonly kind: 'prefix'; readonly path: string; readonly isFinal: boolean }
  })[]
  readonly #regexes: readonly Location[]
  readonly #named: ReadonlyMap<string, Location>

  constructor(locations: readonly Location[]) {
    const exact = new Map<string, Location>()
    const named = new Map<string, Location>()
    for (const location of locations) {
      const { matcher } = location
      if (matcher.kind === 'exact' && !exact.has(matcher.path)) exact.set(matcher.path, location)
      if (matcher.kind === 'named' && !named.has(matcher.name)) named.set(matcher.name, location)
    }
    this.#all = locations
    this.#exact = exact
    this.#named = named
    this.#prefixes = locations
      .filter((location) => isPrefix(location))
      .sort((a, b) => b.matcher.path.length - a.matcher.path.length)
    this.#regexes = locations.filter(({ matcher }) => matcher.kind === 'regex')
  }

  /** All of this level. */
  all(): readonly Location[] {
    return this.#all
  }

  /** A location by its name, `@name`. */
  findNamed(name: string): Location | undefined {
    return this.#named.get(name)
  }

  /** The location of a path, in nginx's order (ngx_http_core_find_location). */
  find(path: string): ChosenLocation | undefined {
    const exact = this.#exact.get(path)
    if (exact) return { location: exact, captures: undefined }
    const prefix = this.#prefixes.find(({ matcher }) => path.startsWith(matcher.path))
    if (prefix) {
      const inner = prefix.nested.find(path)
      if (inner) return inner
      if (prefix.matcher.isFinal) return { location: prefix, captures: undefined }
    }
    for (const location of this.#regexes) {
      const captures = location.matcher.kind === 'regex' ? matchRegex(location.matcher.regex, path) : null
      if (captures) return location.nested.find(path) ?? { location, captures }
    }
    return prefix && { location: prefix, captures: undefined }
  }

  /** The proxied location that a path misses only the last slash of: nginx sends the client there. */
  findWithSlash(path: string): Location | undefined {
    const wanted = `${path}/`
    return this.#prefixes.find(
      ({ matcher, content }) =>
        matcher.path === wanted && (content.kind === 'proxy' || content.kind === 'declared'),
    )
  }
}

function isPrefix(
  location: Location,
): location is Location & { matcher: { kind: 'prefix'; path: string; isFinal: boolean } } {
  return location.matcher.kind === 'prefix'
}
