import type { LocationSettings } from '../settings/settings.ts'
import { escapeHeader, escapePath } from '../syntax/escape-uri.ts'
import { expand } from '../syntax/template.ts'
import type { ChosenLocation, Location, LocationContent, LocationSet } from './locations.ts'
import type { CompiledServer, Content, Plan, RequestFacts } from './plan.ts'
import { isRedirect, type RewriteOutcome, type RewriteStep, runSteps } from './rewrite-steps.ts'
import { type RewriteState, readVariable } from './variables.ts'

/** Most rewrites of a path into another location, as in nginx. */
const MAX_CYCLES = 10

/** Parts of a router. */
interface RouterParts {
  /** As declared, for `$server_name`. */
  readonly name: string
  readonly settings: LocationSettings
  readonly steps: readonly RewriteStep[]
  readonly locations: LocationSet
  /** Content of the server itself: for a path without a location. */
  readonly content: LocationContent
}

type Redirect = NonNullable<Parameters<CompiledServer['route']>[1]>

/** Makes the function that takes a request through nginx's phases up to the content (ngx_http_core_module.c). */
export function createRouter(parts: RouterParts): CompiledServer['route'] {
  return (request, redirect) => {
    const state = redirect ? redirected(parts, request, redirect) : begin(parts, request)
    const plan = redirect?.uri.startsWith('@')
      ? routeNamed(parts, state, redirect.uri)
      : routePath(parts, state)
    return state.isTooLong ? failWith(414, parts.settings, state) : plan
  }
}

function begin({ name }: RouterParts, request: RequestFacts): RewriteState {
  return {
    request,
    serverName: name,
    uri: request.uri,
    args: request.args,
    isRewritten: false,
    isMoved: false,
    isWithinLocation: true,
    isInternal: false,
    isInLocation: false,
    proxyAuthority: undefined,
    isTooLong: false,
    captures: undefined,
    values: undefined,
    before: undefined,
  }
}

function redirected(parts: RouterParts, request: RequestFacts, { uri, args, from }: Redirect): RewriteState {
  const isNamed = uri.startsWith('@')
  const path = isNamed ? (from?.('uri') ?? request.uri) : uri
  const query = isNamed ? (from?.('args') ?? request.args) : args
  return {
    ...begin(parts, request),
    uri: path,
    args: query,
    isRewritten: !isNamed || path !== request.uri || query !== request.args,
    isInternal: true,
    before: from,
  }
}

function routePath(parts: RouterParts, state: RewriteState): Plan {
  if (parts.steps.length > 0) {
    const outcome = runSteps(parts.steps, state)
    if (outcome.kind === 'return' || outcome.kind === 'nowhere') return answer(outcome, parts.settings, state)
  }
  return routeLocations(parts, state, 0)
}

function routeNamed(parts: RouterParts, state: RewriteState, name: string): Plan {
  const location = parts.locations.findNamed(name)
  if (!location) return failWith(500, parts.settings, state)
  return enter({ location, needsSlash: false, isSettled: true }, { parts, state }, 0)
}

function routeLocations(parts: RouterParts, state: RewriteState, cycles: number): Plan {
  state.isMoved = false
  const chosen = parts.locations.find(state)
  if (!chosen)
    return planContent({ content: parts.content, length: 0, redirect: undefined }, state, parts.settings)
  state.isInLocation = true
  return enter(chosen, { parts, state }, cycles)
}

function enter(
  { location, needsSlash }: ChosenLocation,
  at: { parts: RouterParts; state: RewriteState },
  cycles: number,
): Plan {
  const { parts, state } = at
  if (location.isInternal && !state.isInternal) return failWith(404, location.settings, state)
  if (needsSlash) return redirectToSlash(state, location)
  if (isLimited(location, state)) return planContent(withoutTries(location), state, location.settings)
  if (location.steps.length === 0) return planContent(toPlace(location), state, location.settings)
  const outcome = runSteps(location.steps, state)
  const settings = outcome.settings ?? location.settings
  if (outcome.kind === 'return' || outcome.kind === 'nowhere') return answer(outcome, settings, state)
  // An `if` that was true is a place of its own in nginx.
  const place = outcome.settings === undefined ? toPlace(location) : withoutTries(location)
  if (!state.isMoved) return planContent(place, state, settings)
  if (cycles >= MAX_CYCLES) return failWith(500, settings, state)
  return routeLocations(parts, state, cycles + 1)
}

/**
 * The rules of `limit_except` for other methods run without steps in nginx, not even those of the location around it.
 */
function isLimited({ settings: { limitExcept } }: Location, { request }: RewriteState): boolean {
  return limitExcept !== undefined && !limitExcept.methods.includes(request.method)
}

function redirectToSlash(state: RewriteState, { settings }: Location): Plan {
  const location = `${escapePath(state.uri)}/${state.args === '' ? '' : `?${state.args}`}`
  return { kind: 'return', status: 301, body: undefined, location, settings, variable: createReader(state) }
}

/** An error without a text gets its page from `error_page`, as in nginx. */
function answer(
  outcome: Extract<RewriteOutcome, { kind: 'return' | 'nowhere' }>,
  settings: LocationSettings,
  state: RewriteState,
): Plan {
  if (outcome.kind === 'nowhere') return failWith(500, settings, state)
  const variable = createReader(state)
  const { status, text } = outcome
  if (status === 444) return { kind: 'close' }
  const isUnmeasured = !state.isInLocation
  if (isRedirect(status))
    return { kind: 'return', status, body: undefined, location: text, isUnmeasured, settings, variable }
  if (status >= 400 && text === undefined) return failWith(status, settings, state)
  return { kind: 'return', status, body: text, location: undefined, isUnmeasured, settings, variable }
}

function failWith(
  status: number,
  settings: LocationSettings,
  state: RewriteState,
): Extract<Plan, { kind: 'error' }> {
  return { kind: 'error', status, isUnmeasured: !state.isInLocation, settings, variable: createReader(state) }
}

function createReader(state: RewriteState): (name: string) => string {
  return (name) => readVariable(state, name)
}

interface Place {
  readonly content: LocationContent
  /** Characters of the location's own path. */
  readonly length: number
  readonly redirect: Location['redirect']
}

function toPlace({ content, matcher, redirect }: Location): Place {
  const length = matcher.kind === 'prefix' || matcher.kind === 'exact' ? matcher.path.length : 0
  return { content, length, redirect }
}

/** Content of blocks inside a location: in nginx `try_files` does not apply to them. */
function withoutTries(location: Location): Place {
  const place = toPlace(location)
  const { content } = place
  return content.kind === 'files' ? { ...place, content: { ...content, tryFiles: undefined } } : place
}

function planContent(place: Place, state: RewriteState, settings: LocationSettings): Plan {
  const variable = createReader(state)
  const { content, target, matchedLength } = fillIn(place, state, variable)
  if (content.kind === 'proxy') state.proxyAuthority = content.origin.replace(/^\w+:\/\//, '')
  if (content.kind === 'declared') state.proxyAuthority = state.serverName
  // The expanded URL is invalid.
  if (content.kind === 'none' && place.content.kind !== 'none') return failWith(500, settings, state)
  // Only a rebuilt target can hold dots: a server that resolves them would leave the path that was judged.
  if (target !== state.request.target && hasDots(target))
    return { ...failWith(400, settings, state), reason: DOTS }
  const { uri, args } = state
  const { redirect } = place
  const isUnmeasured = !state.isInLocation
  return {
    kind: 'content',
    content,
    uri,
    args,
    target,
    matchedLength,
    redirect,
    isUnmeasured,
    settings,
    variable,
  }
}

function fillIn(
  { content, length }: Place,
  state: RewriteState,
  variable: (name: string) => string,
): { content: Content; target: string; matchedLength: number } {
  switch (content.kind) {
    case 'declared':
      return { content, target: formatTarget(state, content.destination, length), matchedLength: length }
    case 'proxy':
      return { content, target: formatTarget(state, content.uri ?? '', length), matchedLength: length }
    case 'proxy-url': {
      const rawValue = (name: string): string =>
        name === 'request_uri' ? state.request.target : variable(name)
      return { ...toUrl(expand(content.url, rawValue), content.declared, state), matchedLength: length }
    }
    case 'files': {
      // After a regular expression, an alias is the whole name of the file.
      const matchedLength =
        content.alias && content.aliasLength === 0 ? state.uri.length : content.aliasLength
      const root = expand(content.root, variable)
      const alias = content.alias && expand(content.alias, variable)
      return { content: { ...content, root, alias }, target: state.request.target, matchedLength }
    }
    case 'none':
      return { content, target: state.request.target, matchedLength: length }
    default:
      return content satisfies never
  }
}

/**
 * A URL with variables is used as expanded; without a path it gets that of the request. A host that nginx-proxy names
 * an upstream after stands for the declared path.
 */
function toUrl(
  url: string,
  declared: ReadonlyMap<string, string>,
  state: RewriteState,
): { content: Content; target: string } {
  const [, scheme, authority = '', rest = ''] = /^(https?):\/\/([^/?#]+)(.*)$/s.exec(url) ?? []
  if (scheme === undefined) return { content: { kind: 'none' }, target: '' }
  const path = rest.startsWith('/') ? rest : `/${rest}`
  const target =
    rest === ''
      ? formatTarget(state, '', 0)
      : path === state.request.requestUri
        ? state.request.target
        : // The value of a variable is decoded: a space would end the target. nginx sends it, and applications
          // answer 400.
          escapeHeader(path)
  const declaredPath = declared.get(authority)
  if (declaredPath !== undefined) return { content: { kind: 'declared', path: declaredPath }, target }
  return { content: { kind: 'proxy', origin: `${scheme}://${authority}` }, target }
}

/** Target of the request to an upstream: that of the client, unless it was rewritten or a prefix is replaced. */
function formatTarget(state: RewriteState, destination: string, length: number): string {
  if (destination === '' && !state.isRewritten) return state.request.target
  const isReplaced = destination !== '' && state.isWithinLocation
  const path = isReplaced ? `${destination}${escapePath(state.uri.slice(length))}` : escapePath(state.uri)
  // Two slashes at the begin would be a host to a reader of references (RFC 3986 section 4.2).
  const absolute = path.replace(/^\/*/, '/')
  return state.args === '' ? absolute : `${absolute}${absolute.includes('?') ? '&' : '?'}${state.args}`
}

const DOTS = 'a location makes a segment of dots of it, such as "/v1/../" of "/api../"'

/** True if some server would find `.` or `..` in the path of a target. */
function hasDots(target: string): boolean {
  const end = target.indexOf('?')
  return DOT_SEGMENT.test(end < 0 ? target : target.slice(0, end))
}

const DOT_SEGMENT = /(?:\/|\\|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\;]|%2f|%5c|%3b|$)/i
