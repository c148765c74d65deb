import type { ChosenLocation, Location, LocationSet } from './locations.ts'
import { isRedirect, type RewriteStep, runSteps } from './rewrite-steps.ts'
import type { Content, LocationSettings, Plan, RequestFacts } from './settings.ts'
import { expand, isConstant } from './template.ts'
import { type RewriteState, readVariable } from './variables.ts'

/** How often a path may be rewritten into another location, as in nginx. */
const MAX_CYCLES = 10

/** What a router is made of. */
export interface RouterParts {
  /** As declared, for `$server_name`. */
  readonly name: string
  readonly settings: LocationSettings
  readonly steps: readonly RewriteStep[]
  readonly locations: LocationSet
}

/** Where an internal redirect leads: a path, or the name of a location. */
export interface Redirect {
  readonly uri: string
  readonly args: string
}

/** Makes the function that takes a request through nginx's phases up to the content (ngx_http_core_module.c). */
export function createRouter(parts: RouterParts): (request: RequestFacts, redirect?: Redirect) => Plan {
  return (request, redirect) => {
    const state: RewriteState = {
      request,
      serverName: parts.name,
      uri: redirect?.uri ?? request.uri,
      args: redirect?.args ?? request.args,
      isRewritten: redirect !== undefined,
      captures: undefined,
      values: undefined,
    }
    if (redirect?.uri.startsWith('@'))
      return routeNamed(parts, state, { name: redirect.uri, path: request.uri })
    if (parts.steps.length > 0 && !redirect) {
      const outcome = runSteps(parts.steps, state)
      if (outcome.kind === 'return') return answer(outcome, parts.settings)
    }
    return routeLocations(parts, state, redirect !== undefined)
  }
}

function routeNamed(parts: RouterParts, state: RewriteState, at: { name: string; path: string }): Plan {
  const location = parts.locations.findNamed(at.name)
  state.uri = at.path
  state.args = state.request.args
  state.isRewritten = false
  if (!location) return { kind: 'error', status: 500, settings: parts.settings }
  return enter({ location, captures: undefined }, { parts, state, isInternal: true }, 0)
}

function routeLocations(parts: RouterParts, state: RewriteState, isInternal: boolean, cycles = 0): Plan {
  const chosen = parts.locations.find(state.uri)
  const missed =
    chosen === undefined || !isOwn(chosen.location, state.uri)
      ? parts.locations.findWithSlash(state.uri)
      : undefined
  if (missed) return redirectToSlash(state, missed)
  if (!chosen) return { kind: 'error', status: 404, settings: parts.settings }
  return enter(chosen, { parts, state, isInternal }, cycles)
}

/** An exact location is meant for just this path; a longer prefix cannot be. */
function isOwn({ matcher }: Location, path: string): boolean {
  return matcher.kind === 'exact' && matcher.path === path
}

function redirectToSlash(state: RewriteState, { settings }: Location): Plan {
  const location = `${escapePath(state.uri)}/${state.args === '' ? '' : `?${state.args}`}`
  return { kind: 'return', status: 301, body: undefined, location, settings }
}

function enter(
  { location, captures }: ChosenLocation,
  at: { parts: RouterParts; state: RewriteState; isInternal: boolean },
  cycles: number,
): Plan {
  const { parts, state, isInternal } = at
  if (location.isInternal && !isInternal) return { kind: 'error', status: 404, settings: location.settings }
  if (captures) state.captures = captures
  if (location.steps.length === 0) return planContent(location, state, location.settings)
  const before = state.uri
  const outcome = runSteps(location.steps, state)
  if (outcome.kind === 'return') return answer(outcome, location.settings)
  const settings = outcome.settings ?? location.settings
  if (outcome.kind === 'break' || state.uri === before) return planContent(location, state, settings)
  if (cycles >= MAX_CYCLES) return { kind: 'error', status: 500, settings }
  return routeLocations(parts, state, isInternal, cycles + 1)
}

function answer(outcome: { status: number; text: string | undefined }, settings: LocationSettings): Plan {
  const { status, text } = outcome
  if (status === 444) return { kind: 'close' }
  if (isRedirect(status)) return { kind: 'return', status, body: undefined, location: text, settings }
  return { kind: 'return', status, body: text, location: undefined, settings }
}

function planContent(location: Location, state: RewriteState, settings: LocationSettings): Plan {
  const variable = (name: string): string => readVariable(state, name)
  const { content, target } = fillIn(location, state, variable)
  const { matcher } = location
  const matchedLength = matcher.kind === 'prefix' || matcher.kind === 'exact' ? matcher.path.length : 0
  return {
    kind: 'content',
    content,
    uri: state.uri,
    args: state.args,
    target,
    matchedLength,
    settings,
    variable,
  }
}

function fillIn(
  { content, matcher }: Location,
  state: RewriteState,
  variable: (name: string) => string,
): { content: Content; target: string } {
  const length = matcher.kind === 'prefix' || matcher.kind === 'exact' ? matcher.path.length : 0
  switch (content.kind) {
    case 'declared':
      return { content, target: targetOf(state, content.destination, length) }
    case 'proxy': {
      const filled: Content = { kind: 'proxy', origin: expand(content.origin, variable) }
      if (content.uri && !isConstant(content.uri))
        return { content: filled, target: expand(content.uri, variable) }
      return {
        content: filled,
        target: targetOf(state, content.uri ? expand(content.uri, variable) : '', length),
      }
    }
    default:
      return { content, target: targetOf(state, '', 0) }
  }
}

/** What an upstream is asked for: as the client wrote it, unless something was rewritten or a prefix is replaced. */
function targetOf(state: RewriteState, destination: string, length: number): string {
  if (destination === '' && !state.isRewritten) return state.request.requestUri
  const path =
    destination === '' ? escapePath(state.uri) : `${destination}${escapePath(state.uri.slice(length))}`
  const absolute = path.startsWith('/') ? path : `/${path}`
  return state.args === '' ? absolute : `${absolute}${absolute.includes('?') ? '&' : '?'}${state.args}`
}

/** A decoded path as it may stand in a request. */
function escapePath(path: string): string {
  return /^[\w/.~!$&'()*+,;=:@-]*$/.test(path) ? path : encodeURI(path).replace(/[?#]/g, encodeURIComponent)
}
