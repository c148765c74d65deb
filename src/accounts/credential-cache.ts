import { createHmac, randomBytes } from 'node:crypto'

/** How long verified credentials count without a new check, in milliseconds. */
export const CREDENTIAL_TTL_MS = 5 * 60_000
/** How long they are known to have been right once, in milliseconds. */
const KNOWN_MS = 24 * 3_600_000
/** Credentials remembered, at about 200 bytes; more people than one registry of this kind has. */
const MAX_CREDENTIALS = 4_096

interface Credential {
  readonly version: string
  readonly verifiedAtMs: number
}

/**
 * - `fresh`: checked a short time ago; counts as it is.
 * - `known`: was right once, with this version of the account, and is to be checked again.
 */
export type CredentialState = 'fresh' | 'known'

/**
 * Remembers that a name and a password belonged together, as a hash under a key that lives as long as the process, so
 * that neither can be read or tried from what is kept.
 */
export class CredentialCache {
  readonly #key = randomBytes(32)
  readonly #credentials = new Map<string, Credential>()
  readonly #clock: () => number

  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** What name and password are kept under. No part of a name holds a zero, so nothing else gives the same. */
  keyOf(name: string, password: string): string {
    return createHmac('sha256', this.#key).update(`${name}\0${password}`).digest('base64')
  }

  /** The state of what is kept for this version of the account; another version makes it forgotten. */
  get(key: string, version: string | undefined): CredentialState | undefined {
    const credential = this.#credentials.get(key)
    if (!credential) return undefined
    this.#credentials.delete(key)
    const ageMs = this.#clock() - credential.verifiedAtMs
    if (credential.version !== version || ageMs >= KNOWN_MS) return undefined
    this.#credentials.set(key, credential)
    return ageMs < CREDENTIAL_TTL_MS ? 'fresh' : 'known'
  }

  /** Remembers credentials that were checked just now. */
  add(key: string, version: string): void {
    this.#credentials.delete(key)
    this.#credentials.set(key, { version, verifiedAtMs: this.#clock() })
    if (this.#credentials.size <= MAX_CREDENTIALS) return
    for (const oldest of this.#credentials.keys()) {
      this.#credentials.delete(oldest)
      return
    }
  }
}
