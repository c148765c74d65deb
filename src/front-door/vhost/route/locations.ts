import type { Pattern } from '../regex/regex.ts'
import type { LocationSettings } from '../settings/settings.ts'
import type { Template } from '../syntax/template.ts'
import type { RewriteStep } from './rewrite-steps.ts'
import { type RewriteState, tryLocation } from './variables.ts'

/** Condition of a location. */
export type LocationMatcher =
  | { readonly kind: 'exact'; readonly path: string }
  /** `^~`: no regular expression is tried if this is the longest. */
  | { readonly kind: 'prefix'; readonly path: string; readonly isFinal: boolean }
  | { readonly kind: 'regex'; readonly pattern: Pattern }
  | { readonly kind: 'named'; readonly name: string }

/** Content of a chosen location. */
export type LocationContent =
  | { readonly kind: 'declared'; readonly path: string; readonly destination: string }
  /** `uri` replaces the location's path; a URL with variables is used as expanded. */
  | { readonly kind: 'proxy'; readonly origin: string; readonly uri: string | undefined }
  | {
      readonly kind: 'proxy-url'
      readonly url: Template
      /** Hosts that stand for a declared path. */
      readonly declared: ReadonlyMap<string, string>
    }
  | {
      readonly kind: 'files'
      readonly root: Template
      readonly alias: Template | undefined
      /** Characters of the path that the alias replaces; 0: all of them. */
      readonly aliasLength: number
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
  /** The change of `Location` by `proxy_redirect default`. */
  readonly redirect: { readonly from: string; readonly to: string } | undefined
  readonly isInternal: boolean
  readonly nested: LocationSet
}

/** A location that was chosen for a path. */
export interface ChosenLocation {
  readonly location: Location
  /** True if the path lacks only its last slash: the client is redirected there. */
  readonly needsSlash: boolean
  /** True if no location further out can replace it: it is exact, or a regular expression matched. */
  readonly isSettled: boolean
}

interface PrefixLocation {
  readonly path: string
  readonly isFinal: boolean
  readonly chosen: ChosenLocation
}

/** The locations of one level, ordered for the search. */
export class LocationSet {
  readonly #all: readonly Location[]
  /** By path: exact ones, and those whose path lacks only the last slash. */
  readonly #exact: ReadonlyMap<string, ChosenLocation>
  /** Longest first. */
  readonly #prefixes: readonly PrefixLocation[]
  readonly #regexes: readonly { readonly pattern: Pattern; readonly chosen: ChosenLocation }[]
  readonly #named: ReadonlyMap<string, Location>

  /** Of two that match in the same way, the first counts. */
  constructor(locations: readonly Location[]) {
    const exact = new Map<string, ChosenLocation>()
    const prefixes = new Map<string, PrefixLocation>()
    const named = new Map<string, Location>()
    this.#regexes = locations.flatMap((location) =>
      location.matcher.kind === 'regex'
        ? [{ pattern: location.matcher.pattern, chosen: settled(location) }]
        : [],
    )
    for (const location of locations) {
      const { matcher } = location
      if (matcher.kind === 'exact' && !exact.has(matcher.path)) exact.set(matcher.path, settled(location))
      if (matcher.kind === 'named' && !named.has(matcher.name)) named.set(matcher.name, location)
      if (matcher.kind === 'prefix' && !prefixes.has(matcher.path)) {
        const { path, isFinal } = matcher
        prefixes.set(path, { path, isFinal, chosen: { location, needsSlash: false, isSettled: false } })
      }
    }
    for (const location of locations) {
      const path = pathWithoutSlash(location)
      if (path !== undefined && !exact.has(path) && !prefixes.has(path)) {
        exact.set(path, { location, needsSlash: true, isSettled: true })
      }
    }
    this.#all = locations
    this.#exact = exact
    this.#named = named
    this.#prefixes = [...prefixes.values()].sort((a, b) => b.path.length - a.path.length)
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
  find(state: RewriteState): ChosenLocation | undefined {
    const path = state.uri
    const exact = this.#exact.get(path)
    if (exact) return exact
    let best: ChosenLocation | undefined
    for (const prefix of this.#prefixes) {
      if (!path.startsWith(prefix.path)) continue
      const inner = prefix.chosen.location.nested.find(state)
      if (inner?.isSettled) return inner
      best = inner ?? prefix.chosen
      if (prefix.isFinal) return best
      break
    }
    for (const { pattern, chosen } of this.#regexes) {
      if (!tryLocation(state, pattern, path)) continue
      const inner = chosen.location.nested.find(state)
      return inner ? { ...inner, isSettled: true } : chosen
    }
    return best
  }
}

function settled(location: Location): ChosenLocation {
  return { location, needsSlash: false, isSettled: true }
}

/** The path of a proxied location that ends in a slash, without it; undefined for others. */
function pathWithoutSlash({ matcher, content }: Location): string | undefined {
  if (matcher.kind !== 'prefix' && matcher.kind !== 'exact') return undefined
  if (content.kind !== 'proxy' && content.kind !== 'proxy-url' && content.kind !== 'declared')
    return undefined
  return matcher.path.endsWith('/') && matcher.path !== '/' ? matcher.path.slice(0, -1) : undefined
}
