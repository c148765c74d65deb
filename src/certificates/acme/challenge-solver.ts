import { isIP } from 'node:net'
import type { ChallengeBoard } from './challenges.ts'

/** Ways to prove control over a name (RFC 8555 section 8, RFC 8737). */
export type ChallengeType = 'http-01' | 'tls-alpn-01' | 'dns-01'

/** A question of the CA about one name. */
export interface OpenChallenge {
  /** DNS name without `*.`, or address. */
  readonly name: string
  readonly token: string
  /** Token and thumbprint of the account's key (RFC 8555 section 8.1). */
  readonly keyAuthorization: string
}

/** Answers one kind of challenge. */
export interface ChallengeSolver {
  readonly type: ChallengeType
  /** Whether a name can be proved this way at all. */
  fits(name: string, isWildcard: boolean): boolean
  /**
   * Puts the answer where the CA will look; disposing takes it away.
   * Errors: `ACME_DNS_FAILED`.
   */
  present(challenge: OpenChallenge, signal: AbortSignal | undefined): Promise<AsyncDisposable>
}

/** Answers over plain HTTP on port 80 (RFC 8555 section 8.3). */
export function createHttpSolver(board: ChallengeBoard): ChallengeSolver {
  return {
    type: 'http-01',
    fits: (_name, isWildcard) => !isWildcard,
    present: ({ token, keyAuthorization }) => settle(board, board.addHttp(token, keyAuthorization)),
  }
}

/** Answers in a TLS handshake on port 443 (RFC 8737). */
export function createAlpnSolver(board: ChallengeBoard): ChallengeSolver {
  return {
    type: 'tls-alpn-01',
    fits: (_name, isWildcard) => !isWildcard,
    present: async ({ name, keyAuthorization }) => settle(board, board.addAlpn(name, keyAuthorization)),
  }
}

/**
 * The ways to try for one attempt, best first. The way asked for is the only one. Otherwise a failed attempt is
 * followed by one that tries another way first: what a firewall keeps from port 80 may pass on 443.
 */
export function orderSolvers(
  solvers: readonly ChallengeSolver[],
  options: { readonly wanted: ChallengeType | undefined; readonly failures: number },
): ChallengeSolver[] {
  if (options.wanted !== undefined) return solvers.filter(({ type }) => type === options.wanted)
  const start = solvers.length === 0 ? 0 : options.failures % solvers.length
  return [...solvers.slice(start), ...solvers.slice(0, start)]
}

/** True for a name that DNS-01 can prove: an address has no zone. */
export function hasZone(name: string): boolean {
  return isIP(name) === 0
}

async function settle(board: ChallengeBoard, answer: Disposable): Promise<AsyncDisposable> {
  await board.settled()
  return { [Symbol.asyncDispose]: async () => answer[Symbol.dispose]() }
}
