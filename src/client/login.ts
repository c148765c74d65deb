import { type Challenge, parseChallenge } from './challenge.ts'
import { readJson } from './read-body.ts'
import { RegistryError } from './registry-error.ts'
import type { Transport } from './transport.ts'

/** Account name and password. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

/** Finds the `Authorization` of requests. */
export interface Login {
  /** The header's value for a scope such as `repository:alice/app:pull,push`; undefined: none is needed. */
  authorize(scope: string | undefined, signal?: AbortSignal): Promise<string | undefined>
  /** Forgets the token of a scope that was answered 401. */
  forget(scope: string | undefined): void
}

/** Tokens kept: one for each scope, and a client works on a few repositories. */
const MAX_TOKENS = 100
/** Time before its expiry from which on a token is no longer used, in ms: a request takes a moment to arrive. */
const EXPIRY_MARGIN_MS = 10_000
/** Life of a token without `expires_in`, in seconds: Distribution's token documentation. */
const DEFAULT_LIFETIME_S = 60

/** Largest answer of the token endpoint, in bytes: a real one has some 2 KiB. */
const MAX_TOKEN_ANSWER_BYTES = 64 * 1024

interface Token {
  readonly value: string
  readonly goodUntilMs: number
}

/** Logs in at the registry of `url` as its `/v2/` demands: by Basic, or by Bearer with tokens kept for each scope. */
export function createLogin(
  url: string,
  credentials: Credentials | undefined,
  transport: Transport,
  { trustsRealm = false }: { readonly trustsRealm?: boolean | undefined } = {},
): Login {
  const tokens = new Map<string, Token>()
  let challenge: Promise<Challenge | undefined> | undefined
  return {
    async authorize(scope, signal) {
      challenge ??= fetchChallenge(url, transport, signal)
      const demand = await challenge.catch((error: unknown) => {
        challenge = undefined
        throw error
      })
      if (!demand) return undefined
      if (demand.scheme === 'basic') return credentials && formatBasic(credentials)
      const kept = tokens.get(scope ?? '')
      if (kept && kept.goodUntilMs > Date.now()) return `Bearer ${kept.value}`
      const wanted = tokenRequest(url, demand, { scope, credentials, trustsRealm })
      const token = await fetchToken(wanted, transport, signal)
      if (tokens.size >= MAX_TOKENS) tokens.clear()
      tokens.set(scope ?? '', token)
      return `Bearer ${token.value}`
    },
    forget: (scope) => void tokens.delete(scope ?? ''),
  }
}

/** The value of `Authorization` for Basic (RFC 7617). */
function formatBasic({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

async function fetchChallenge(
  url: string,
  transport: Transport,
  signal?: AbortSignal,
): Promise<Challenge | undefined> {
  const response = await transport(`${url}/v2/`, { method: 'GET', headers: {}, signal })
  await response.body?.cancel()
  if (response.status === 200) return undefined
  const challenge = response.status === 401 && parseChallenge(response.headers.get('www-authenticate'))
  if (challenge) return challenge
  throw new RegistryError('REGISTRY_ANSWER_INVALID', `${url}/v2/ answered ${response.status}`, {
    status: response.status,
  })
}

interface TokenRequest {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

function tokenRequest(
  registry: string,
  { parameters }: Challenge,
  {
    scope,
    credentials,
    trustsRealm,
  }: { scope: string | undefined; credentials: Credentials | undefined; trustsRealm: boolean },
): TokenRequest {
  const url = URL.parse(parameters.realm ?? '', registry)
  if (!url) throw new RegistryError('REGISTRY_ANSWER_INVALID', 'The realm of the challenge is no URL')
  if (!trustsRealm || url.protocol !== 'https:') refuseForeignRealm(url, new URL(registry))
  if (parameters.service) url.searchParams.set('service', parameters.service)
  if (scope !== undefined) url.searchParams.set('scope', scope)
  return { url, headers: credentials ? { authorization: formatBasic(credentials) } : {} }
}

/** Refuses a realm on another host than the registry's, or on plain HTTP after TLS: it would get the password. */
function refuseForeignRealm(realm: URL, registry: URL): void {
  const isDowngrade = registry.protocol === 'https:' && realm.protocol !== 'https:'
  if (realm.hostname === registry.hostname && !isDowngrade && /^https?:$/.test(realm.protocol)) return
  throw new RegistryError(
    'REGISTRY_LOGIN_FAILED',
    `The registry wants the log-in at another place, ${realm.origin}`,
    {
      remedy: `If that is the same registry, use ${realm.origin} as its URL`,
    },
  )
}

async function fetchToken(
  { url, headers }: TokenRequest,
  transport: Transport,
  signal?: AbortSignal,
): Promise<Token> {
  const response = await transport(url.href, { method: 'GET', headers, signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new RegistryError('REGISTRY_LOGIN_FAILED', `The log-in was answered ${response.status}`, {
      status: response.status,
    })
  }
  const answer = await readJson(response, MAX_TOKEN_ANSWER_BYTES)
  const value = answer.token ?? answer.access_token
  if (typeof value !== 'string' || value === '') {
    throw new RegistryError('REGISTRY_ANSWER_INVALID', 'The answer to the log-in holds no token')
  }
  const lifetimeS = typeof answer.expires_in === 'number' ? answer.expires_in : DEFAULT_LIFETIME_S
  return { value, goodUntilMs: Date.now() + lifetimeS * 1000 - EXPIRY_MARGIN_MS }
}
