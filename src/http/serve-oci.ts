import type { RepositoryAction, RuleAction } from '../access/actions.ts'
import { type Decision, type Demand, decide } from '../access/decide.ts'
import type { TokenScope } from '../access/principal.ts'
import type { RuleSource } from '../access/rule-source.ts'
import { AccessRules } from '../access/rules.ts'
import { tokenActionsFor } from '../access/token-actions.ts'
import { OciError } from '../oci/errors.ts'
import { type OciRequest, parseOciRequest } from '../oci/request.ts'
import { type Authenticated, type AuthenticateParts, authenticate } from './access/authenticate.ts'
import { challengeFor, unauthorized } from './access/challenge.ts'
import { createDenial, formatWarning } from './access/denial.ts'
import { type Handler, type Handlers, ROUTE_ACCESS, ROUTE_PATHS } from './handlers/routes.ts'
import type { Exchange } from './request/exchange.ts'

/** Dependencies of {@link serveOci}. */
export interface OciParts extends AuthenticateParts {
  readonly rules: RuleSource
  readonly handlers: Handlers
}

/**
 * Serves one request to `/v2/`: parses, authenticates, decides, handles. Errors: `OciError` and, for bugs, anything
 * else; the caller answers with it.
 */
export async function serveOci(exchange: Exchange, parts: OciParts): Promise<void> {
  const { request, visit } = exchange
  const parsed = parseOciRequest(request.method ?? 'GET', visit.target)
  exchange.route = parsed.kind
  exchange.repository = 'repository' in parsed ? parsed.repository : undefined
  const { trace } = visit
  trace?.describe({ route: ROUTE_PATHS[parsed.kind], 'berth.route': parsed.kind })
  const authorizing = (): Promise<void> => authorize(parsed, exchange, parts)
  await (trace ? trace.within(AUTHORIZE, authorizing) : authorizing())
  const handling = (): Promise<void> => handle(parsed, exchange, parts.handlers)
  await (trace ? trace.within({ name: `registry ${parsed.kind}` }, handling) : handling())
}

const AUTHORIZE = { name: 'authorize' }

/** Errors: `OciError`: the request is not allowed. */
async function authorize(parsed: OciRequest, exchange: Exchange, parts: OciParts): Promise<void> {
  const { request, response, visit } = exchange
  const rules = parts.rules()
  const authenticating = authenticate({ headers: request.headers, remote: visit.remoteAddress }, parts)
  // A database elsewhere is read for both at the same time; waiting for what is in memory would cost measurable time.
  const [authenticated, inForce] =
    rules instanceof AccessRules ? [await authenticating, rules] : await Promise.all([authenticating, rules])
  exchange.principal = authenticated.principal
  exchange.rules = inForce
  const demand = toDemand(parsed)
  const refusal = findRefusal(decide(authenticated.principal, demand, exchange.rules), authenticated, () =>
    createDenial(authenticated.principal, demand, exchange.origin),
  )
  if (refusal) {
    if (refusal.status === 401) {
      const challenge = challengeFor(toScopes(parsed, demand), authenticated.credentials, {
        origin: exchange.origin,
        service: parts.tokens.service,
      })
      response.setHeader('www-authenticate', challenge)
    }
    if (refusal.code === 'DENIED' && request.method === 'HEAD') {
      response.setHeader('warning', formatWarning(refusal))
      // Clients send this before they push a layer, and stop at 403 without a message; they go on to a denial with a
      // body.
      if (parsed.kind === 'blob-get') throw new OciError('BLOB_UNKNOWN', { cause: refusal })
    }
    throw refusal
  }
}

function toDemand(parsed: OciRequest): Demand {
  const access = ROUTE_ACCESS[parsed.kind]
  if (access === 'ping' || access === 'catalog') return { kind: access }
  // The routes' types leave only requests about a repository here; a new kind without one must not slip through.
  if (!('repository' in parsed)) throw new OciError('DENIED')
  const source = parsed.kind === 'blob-upload-start' && parsed.mount ? parsed.from : undefined
  return { kind: 'repository', repository: parsed.repository, action: access, source }
}

/** Scopes of a token with which the request can do everything it contains. */
function toScopes(parsed: OciRequest, demand: Demand): readonly TokenScope[] {
  switch (demand.kind) {
    case 'ping':
    case 'administer':
      return []
    case 'catalog':
    case 'mount':
      return [demand.kind]
    case 'repository': {
      const { repository, action, source } = demand
      const own: TokenScope = { repository, actions: scopedActions(action) }
      if (parsed.kind !== 'blob-upload-start' || !parsed.mount) return [own]
      return source ? [own, { repository: source, actions: ['pull'] }] : [own, 'mount']
    }
    default:
      return demand satisfies never
  }
}

/** Actions of a token for a request: clients read what they push to. */
function scopedActions(action: RepositoryAction | RuleAction): readonly RepositoryAction[] {
  const needed = tokenActionsFor(action)
  return needed.includes('push') ? ['pull', 'push'] : needed
}

/** Wrong credentials get no answer as another principal. */
function findRefusal(
  decision: Decision,
  authenticated: Authenticated,
  deny: () => OciError,
): OciError | undefined {
  const { credentials } = authenticated
  if (credentials !== 'none' && credentials !== 'accepted') return unauthorized(authenticated)
  switch (decision) {
    case 'allow':
      return undefined
    case 'deny':
      return deny()
    case 'log-in':
    case 'widen':
      return unauthorized(authenticated)
    default:
      return decision satisfies never
  }
}

function handle(parsed: OciRequest, exchange: Exchange, handlers: Handlers): Promise<void> {
  // The table pairs each kind with the handler of that kind, which the type of an indexed access cannot express.
  const handler = handlers[parsed.kind] as Handler<typeof parsed.kind>
  return handler(parsed as never, exchange)
}
