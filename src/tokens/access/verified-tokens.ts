import { hash } from 'node:crypto'
import type { AccessClaims } from '../tokens.ts'

/** Tokens remembered: a few hundred clients at work, each with a few repositories, at about half a KiB a token. */
const MAX_VERIFIED_TOKENS = 4_096

interface VerifiedToken {
  readonly claims: AccessClaims
  /** Time of issue; later than now only after the clock was put back. */
  readonly beginsAtMs: number
  readonly expiresAtMs: number
}

/** Recently verified tokens, by their hash, so that the tokens themselves are not kept. */
export class VerifiedTokens {
  readonly #tokens = new Map<string, VerifiedToken>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** The claims of a remembered token that is in force now. */
  get(token: string): AccessClaims | undefined {
    const key = hashToken(token)
    const known = this.#tokens.get(key)
    if (!known) return undefined
    this.#tokens.delete(key)
    const now = this.#clock()
    if (now >= known.expiresAtMs || now < known.beginsAtMs) return undefined
    this.#tokens.set(key, known)
    return known.claims
  }

  /** Remembers a token until it expires, or until {@link MAX_VERIFIED_TOKENS} others were used since. */
  add(token: string, verified: VerifiedToken): void {
    this.#tokens.set(hashToken(token), verified)
    if (this.#tokens.size <= MAX_VERIFIED_TOKENS) return
    for (const oldest of this.#tokens.keys()) {
      this.#tokens.delete(oldest)
      return
    }
  }
}

function hashToken(token: string): string {
  return hash('sha256', token, 'base64')
}
