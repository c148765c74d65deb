import type { ChallengeSolver, ChallengeType } from '../client/challenge-solver.ts'
import type { ChallengeBoard } from './challenge-board.ts'

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
 * The ways to try for one attempt, best first. A way named by the wish is the only one. Otherwise an attempt after a
 * failure tries another way first: a firewall may block port 80 and not 443.
 */
export function orderSolvers(
  solvers: readonly ChallengeSolver[],
  options: { readonly preferred: ChallengeType | undefined; readonly failures: number },
): ChallengeSolver[] {
  if (options.preferred !== undefined) return solvers.filter(({ type }) => type === options.preferred)
  const start = solvers.length === 0 ? 0 : options.failures % solvers.length
  return [...solvers.slice(start), ...solvers.slice(0, start)]
}

async function settle(board: ChallengeBoard, answer: Disposable): Promise<AsyncDisposable> {
  await board.settled()
  return { [Symbol.asyncDispose]: async () => answer[Symbol.dispose]() }
}
