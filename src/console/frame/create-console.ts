import type { RuleSource } from '../../access/rule-source.ts'
import { OciError } from '../../oci/errors.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Console, ConsoleAnswer, ConsoleLogin, ConsoleRequest } from '../console.ts'
import { ApiError } from './api-error.ts'
import { findRefusal, type Refusal } from './decide-access.ts'
import { isUnchanged, readIfMatch } from './entity-tag.ts'
import { API_BASE, allowOf, createRouteTable, type FindPlace, type FoundPlace } from './find-route.ts'
import { PATH_PARAMETERS, type PathParameterName } from './path-parameters.ts'
import { toProblem } from './problem.ts'
import { readBodyOf, readQuery } from './read-input.ts'
import type { Call, Method, Result, Route } from './route.ts'

/** Dependencies of the frame. */
interface FrameParts {
  readonly routes: readonly Route[]
  readonly rules: RuleSource
}

/** A request on its way, as far as it is known. */
interface Progress {
  place?: FoundPlace | undefined
  repository?: RepositoryName | undefined
  login?: ConsoleLogin
  refusal?: Refusal | undefined
}

/** Creates the admin API of a table of routes. */
export function createConsole({ routes, rules }: FrameParts): Console {
  const find = createRouteTable(routes)
  return {
    async answer(request) {
      const progress: Progress = {}
      try {
        return toAnswer(await serve(request, progress, { find, rules }), progress)
      } catch (error) {
        return failed(error, request, progress)
      }
    },
  }
}

type Reply = Pick<ConsoleAnswer, 'status' | 'headers' | 'body'>

async function serve(
  request: ConsoleRequest,
  progress: Progress,
  { find, rules }: { find: FindPlace; rules: RuleSource },
): Promise<Reply> {
  const [path = '', query = ''] = splitOnce(request.target)
  const place = find(path)
  progress.place = place
  if (!place) throw new OciError('NOT_FOUND')
  const allow = allowOf(place.routes)
  if (request.method === 'OPTIONS') return { status: 204, headers: { allow }, body: undefined }
  const route = place.routes.get((request.method === 'HEAD' ? 'GET' : request.method) as Method)
  if (!route) throw new ApiError('METHOD_NOT_ALLOWED', { headers: { allow } })
  const params = parseParameters(place)
  progress.repository = params.repository as RepositoryName | undefined
  refuseOtherSites(request, route)
  const login = await request.authenticate()
  progress.login = login
  const inForce = await rules()
  progress.refusal = findRefusal(route.access, progress.repository, { login, rules: inForce })
  if (progress.refusal) throw progress.refusal.error
  const call: Call<string, unknown, unknown> = {
    params,
    query: readQuery(route, query),
    ifMatch: readIfMatch(route, headerOf(request, 'if-match')),
    body: await readBodyOf(route, request),
    principal: login.principal,
    rules: inForce,
    isStillAllowed: () => isStillAllowed(request, route, { repository: progress.repository, rules }),
    signal: request.signal,
  }
  return toReply(await route.handle(call), { route, request })
}

/** Credentials that cannot be checked at the moment do not count. */
async function isStillAllowed(
  request: ConsoleRequest,
  { access }: Route,
  { repository, rules }: { repository: RepositoryName | undefined; rules: RuleSource },
): Promise<boolean> {
  try {
    const login = await request.authenticate()
    return findRefusal(access, repository, { login, rules: await rules() }) === undefined
  } catch (error) {
    if (error instanceof OciError) return false
    throw error
  }
}

function splitOnce(target: string): [string, string] {
  const question = target.indexOf('?')
  return question < 0 ? [target, ''] : [target.slice(0, question), target.slice(question + 1)]
}

/** Errors: those of the parameters' grammars, which depend on the text alone. */
function parseParameters({ texts }: FoundPlace): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      name,
      PATH_PARAMETERS[name as PathParameterName].parse(text),
    ]),
  )
}

/**
 * Browsers send the password that a person once gave them with requests of any page. Such a page must change nothing.
 * Over plain HTTP browsers leave out `Sec-Fetch-Site`, but a request that may change something always has `Origin`.
 * Programs send neither. Errors: `CROSS_SITE`.
 */
function refuseOtherSites(request: ConsoleRequest, { method }: Route): void {
  if (method === 'GET') return
  const site = headerOf(request, 'sec-fetch-site')
  if (site === 'cross-site' || site === 'same-site') throw new ApiError('CROSS_SITE')
  const origin = headerOf(request, 'origin')
  // `null` is the origin of a page whose site the browser hides.
  if (origin !== undefined && origin !== URL.parse(request.origin)?.origin) throw new ApiError('CROSS_SITE')
}

function toReply(
  { status, body, etag, location, stream }: Result<unknown>,
  { route, request }: { route: Route; request: ConsoleRequest },
): Reply {
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (etag !== undefined) headers.etag = `"${etag}"`
  if (location !== undefined) headers.location = `${API_BASE}${location}`
  if (stream) {
    const type = route.streamType ?? 'text/event-stream'
    return { status: 200, headers: { ...headers, 'content-type': type }, body: stream }
  }
  if (isUnchanged(headerOf(request, 'if-none-match'), etag) && route.method === 'GET')
    return { status: 304, headers, body: undefined }
  const usual = route.status ?? (route.answer ? 200 : 204)
  if (body === undefined) return { status: status ?? usual, headers, body: undefined }
  headers['content-type'] = 'application/json'
  return { status: status ?? usual, headers, body: Buffer.from(JSON.stringify(body)) }
}

function toAnswer(reply: Reply, { place, repository }: Progress): ConsoleAnswer {
  return {
    ...reply,
    route: place && `${API_BASE}${place.path}`,
    repository,
    errorCode: undefined,
    challenge: undefined,
    fault: undefined,
  }
}

function failed(error: unknown, { requestId }: ConsoleRequest, progress: Progress): ConsoleAnswer {
  const { status, headers, body, code, fault } = toProblem(error, requestId)
  const { login, refusal } = progress
  const challenge = status === 401 && login ? { scopes: refusal?.scopes ?? [], login } : undefined
  return { ...toAnswer({ status, headers, body }, progress), errorCode: code, challenge, fault }
}

function headerOf({ headers }: ConsoleRequest, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
