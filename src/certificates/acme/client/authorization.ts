import { isChallenge, type OrderContext, poll, post } from './acme-order.ts'
import type { ChallengeSolver } from './challenge-solver.ts'
import { type AcmeAnswer, invalid, requireObject } from './requests/acme-directory.ts'
import { AcmeError } from './requests/acme-error.ts'
import { describeProblem, isObject, type Problem, parseProblem } from './requests/problem.ts'

/** Names proved at once: enough to be quick, few enough for a small machine and the CA. */
const MAX_AT_ONCE = 4
/** RFC 8555 section 8: base64url. It becomes part of a path, so no other characters are accepted. */
const TOKEN = /^[A-Za-z0-9_-]{16,512}$/

interface Authorization {
  readonly url: string
  readonly status: string
  readonly name: string
  readonly isWildcard: boolean
  readonly challenges: readonly { type: string; url: string; token: string }[]
  readonly problem: Problem | undefined
  readonly answer: AcmeAnswer
}

/**
 * Proves control over each name of an order (RFC 8555 section 7.5); names proved earlier stay so. Errors:
 * `ACME_CHALLENGE_FAILED` with the CA's findings, `ACME_CHALLENGE_UNAVAILABLE`, `ACME_DNS_FAILED`, `ACME_TIMEOUT`.
 */
export async function authorize(
  context: OrderContext,
  urls: readonly string[],
  solvers: readonly ChallengeSolver[],
): Promise<void> {
  const waiting = [...urls]
  const failures: unknown[] = []
  const work = async (): Promise<void> => {
    for (let url = waiting.shift(); url !== undefined; url = waiting.shift()) {
      await authorizeOne(context, url, solvers).catch((error) => failures.push(error))
      // One name that fails spoils the order: the others would only use up the CA's limits.
      if (failures.length > 0) return
    }
  }
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, work))
  if (failures.length > 0) throw failures[0]
}

async function authorizeOne(
  context: OrderContext,
  url: string,
  solvers: readonly ChallengeSolver[],
): Promise<void> {
  const { directory, account } = context
  const authorization = await fetchAuthorization(context, url)
  if (authorization.status === 'valid') return
  if (authorization.status !== 'pending') throw failed(authorization, 'this name')
  const { solver, challenge } = choose(authorization, solvers)
  if (!TOKEN.test(challenge.token)) throw invalid(directory.host, 'sent a challenge with a malformed token')
  const { name } = authorization
  const keyAuthorization = `${challenge.token}.${account.key.thumbprint}`
  await using _answer = await solver.present(
    { name, token: challenge.token, keyAuthorization },
    context.signal,
  )
  await post(context, challenge.url, {})
  const decided = await poll(context, {
    what: name,
    first: await fetchAuthorization(context, url),
    fetch: () => fetchAuthorization(context, url),
    isPending: ({ status }) => status === 'pending' || status === 'processing',
  })
  if (decided.status !== 'valid') throw failed(decided, solver.type)
}

async function fetchAuthorization(context: OrderContext, url: string): Promise<Authorization> {
  const answer = await post(context, url)
  const json = requireObject(answer)
  const { identifier, status } = json
  const name = isObject(identifier) ? identifier.value : undefined
  if (typeof status !== 'string' || typeof name !== 'string')
    throw invalid(context.directory.host, 'sent an authorization without status or name')
  const challenges = (Array.isArray(json.challenges) ? json.challenges : []).filter(isChallenge)
  const problems = (Array.isArray(json.challenges) ? json.challenges : []).map((each) =>
    isObject(each) ? parseProblem(each.error) : undefined,
  )
  const problem = problems.find((each) => each !== undefined)
  return { url, status, name, isWildcard: json.wildcard === true, challenges, problem, answer }
}

function choose(
  authorization: Authorization,
  solvers: readonly ChallengeSolver[],
): { solver: ChallengeSolver; challenge: { url: string; token: string } } {
  const { name, isWildcard, challenges } = authorization
  for (const solver of solvers) {
    const challenge = challenges.find(({ type }) => type === solver.type)
    if (challenge !== undefined && solver.fits(name, isWildcard)) return { solver, challenge }
  }
  const offered = challenges.map(({ type }) => type).join(', ') || 'nothing'
  const ready = solvers.map(({ type }) => type).join(', ') || 'none'
  throw new AcmeError(
    'ACME_CHALLENGE_UNAVAILABLE',
    `${isWildcard ? '*.' : ''}${name} cannot be proved: the CA takes ${offered}, and set up here is ${ready}`,
    isWildcard
      ? 'A wildcard needs dns-01: set acme-dns-hook, or acme-dns-server and acme-dns-key.'
      : 'Set acme-challenge to a way the CA takes, or leave it out.',
  )
}

function failed(authorization: Authorization, how: string): AcmeError {
  const { name, problem, status } = authorization
  const detail = problem === undefined ? `it is ${status}` : describeProblem(problem)
  return new AcmeError(
    'ACME_CHALLENGE_FAILED',
    `the CA could not check ${name} by ${how}: ${detail}`,
    REMEDIES[how] ?? 'Berth opens a new order at the next attempt.',
    { problem },
  )
}

const REMEDIES: Readonly<Record<string, string>> = {
  'http-01':
    'The name must lead to this machine, IPv6 address included, and port 80 must be open to the world.',
  'tls-alpn-01':
    'The name must lead to this machine, IPv6 address included, and port 443 must reach it unopened.',
  'dns-01': 'The record must be seen by all name servers of the zone: check hook, key and delegation.',
}
