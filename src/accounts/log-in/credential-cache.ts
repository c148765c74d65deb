import { createHmac } from 'node:crypto'
import { deleteFirst } from '../guesses/failure-counts.ts'

/** Time for which verified credentials count without a new check, in milliseconds. */
export const CREDENTIAL_TTL_MS = 5 * 60_000
/** Time for which they count as right once, in milliseconds. */
const KNOWN_MS = 24 * 3_600_000
/** Time for which wrong credentials are answered without a check, in milliseconds: as long as failures are counted. */
const WRONG_MS = 15 * 60_000
/** Credentials remembered of either kind, at about 200 bytes; more people than one registry of this kind has. */
const MAX_CREDENTIALS = 4_096

interface Credential {
  readonly version: string
  readonly checkedAtMs: number
}

/**
 * - `fresh`: checked a short time ago; counts without a check.
 * - `known`: was right once, with this version of the account, and is to be checked again.
 * - `wrong`: was wrong a while ago, with this version of the account. A script that goes on with an old password is no
 *   guesser: it costs nothing and is not counted again.
 */
type CredentialState = 'fresh' | 'known' | 'wrong'

/** Result of a check of credentials, sent to other processes that check the same accounts. */
export interface CredentialNews {
  readonly kind: 'right' | 'wrong'
  readonly key: string
  readonly version: string
}

/** Figures of a cache. */
interface CredentialFigures {
  readonly lookups: Readonly<Record<'right' | 'wrong' | 'missed', number>>
  readonly remembered: Readonly<Record<'right' | 'wrong', number>>
}

/**
 * Remembers if a name and a password belonged together, as a hash under a secret that lives as long as the server, so
 * that neither can be read or guessed from the memory of the cache.
 */
export class CredentialCache {
  readonly #secret: Uint8Array
  readonly #clock: () => number
  readonly #relay: (news: CredentialNews) => void
  readonly #right = new Map<string, Credential>()
  readonly #wrong = new Map<string, Credential>()
  readonly #lookups = { right: 0, wrong: 0, missed: 0 }

  /** @param parts `secret`: the same in all processes that send each other news by `relay`. */
  constructor(parts: {
    clock: () => number
    secret: Uint8Array
    relay?: ((news: CredentialNews) => void) | undefined
  }) {
    this.#clock = parts.clock
    this.#secret = parts.secret
    this.#relay = parts.relay ?? (() => {})
  }

  /** Key of name and password. No part of a name holds a zero, so the key is unique. */
  deriveKey(name: string, password: string): string {
    return createHmac('sha256', this.#secret).update(`${name}\0${password}`).digest('base64')
  }

  /** The state for this version of the account, which is undefined for none; another version removes it. */
  get(key: string, version: string | undefined): CredentialState | undefined {
    const state = this.#find(key, version)
    this.#lookups[state === 'fresh' ? 'right' : state === 'wrong' ? 'wrong' : 'missed']++
    return state
  }

  /** Look-ups so far by whether they spared a check, and the credentials that are remembered now. */
  figures(): CredentialFigures {
    return { lookups: { ...this.#lookups }, remembered: { right: this.#right.size, wrong: this.#wrong.size } }
  }

  #find(key: string, version: string | undefined): CredentialState | undefined {
    const rightMs = this.#ageMs(this.#right, { key, version, keptMs: KNOWN_MS })
    if (rightMs !== undefined) return rightMs < CREDENTIAL_TTL_MS ? 'fresh' : 'known'
    return this.#ageMs(this.#wrong, { key, version, keptMs: WRONG_MS }) === undefined ? undefined : 'wrong'
  }

  /** Remembers the result of a check that was made just now. */
  add(key: string, version: string | undefined, isRight: boolean): void {
    const news: CredentialNews = { kind: isRight ? 'right' : 'wrong', key, version: version ?? NO_VERSION }
    this.note(news)
    this.#relay(news)
  }

  /** Remembers the result of a check in another process. */
  note({ kind, key, version }: CredentialNews): void {
    const kept = kind === 'right' ? this.#right : this.#wrong
    kept.delete(key)
    kept.set(key, { version, checkedAtMs: this.#clock() })
    if (kept.size > MAX_CREDENTIALS) deleteFirst(kept)
  }

  #ageMs(
    kept: Map<string, Credential>,
    { key, version, keptMs }: { key: string; version: string | undefined; keptMs: number },
  ): number | undefined {
    const credential = kept.get(key)
    if (!credential) return undefined
    kept.delete(key)
    const ageMs = this.#clock() - credential.checkedAtMs
    if (credential.version !== (version ?? NO_VERSION) || ageMs >= keptMs) return undefined
    kept.set(key, credential)
    return ageMs
  }
}

/** Version of a name without an account. */
const NO_VERSION = ''
