import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { createLocalJWKSet } from 'jose/jwks/local'
import type { Trust } from '../secrets.ts'

/** Fetches a JSON document from an address that an operator has named; bounded, and guarded by its maker. */
export type FetchDocument = (url: string, options: { readonly ca: string | undefined }) => Promise<unknown>

/** Time for which fetched keys count without another look, in milliseconds: issuers publish a new key hours before its use. */
export const KEYS_FRESH_MS = 10 * 60_000
/** Shortest time between two fetches from one issuer, in milliseconds, whatever clients send. */
export const FETCH_EVERY_MS = 60_000
/** Time for which keys count while the issuer cannot be reached, in milliseconds. */
const KEYS_KEPT_MS = 24 * 3_600_000
/** Issuers whose keys are kept, at some 20 KB each. */
const MAX_ISSUERS = 64
/** Keys of one issuer: GitHub has 4. */
const MAX_KEYS = 100

/** The keys of an issuer cannot be had. */
export class KeysMissing extends Error {
  override readonly name = 'KeysMissing'
}

/** Called with each failure to fetch the keys of an issuer. */
export type OnIssuerFailure = (failure: { readonly issuer: string; readonly reason: string }) => void

/** An issuer, and what is needed to have its keys. */
type KeySource = Pick<Trust, 'issuer' | 'ca' | 'jwks'>

interface Kept {
  readonly getKey: JWTVerifyGetKey
  readonly fetchedAtMs: number
}

interface Entry {
  kept: Kept | undefined
  /** Time of the last try. */
  triedAtMs: number
  underWay: Promise<void> | undefined
}

/** The keys of issuers of ID tokens, from their discovery documents, for a while. */
export class IssuerKeys {
  readonly #fetch: FetchDocument
  readonly #clock: () => number
  readonly #onFailure: OnIssuerFailure
  readonly #entries = new Map<string, Entry>()

  constructor(parts: { fetch: FetchDocument; clock: () => number; onFailure: OnIssuerFailure }) {
    this.#fetch = parts.fetch
    this.#clock = parts.clock
    this.#onFailure = parts.onFailure
  }

  /**
   * A look-up in the keys of an issuer. Errors: `KeysMissing`.
   * @param isLatest True after a key was missing: the keys are fetched again, unless that was a moment ago.
   */
  async get(source: KeySource, { isLatest }: { isLatest: boolean }): Promise<JWTVerifyGetKey> {
    if (source.jwks !== undefined) return createLocalJWKSet(readKeySet(JSON.parse(source.jwks)))
    const entry = this.#find(source)
    const ageMs = entry.kept ? this.#clock() - entry.kept.fetchedAtMs : Number.POSITIVE_INFINITY
    if (isLatest || ageMs >= KEYS_FRESH_MS) await this.#renew(entry, source)
    const { kept } = entry
    if (kept && this.#clock() - kept.fetchedAtMs < KEYS_KEPT_MS) return kept.getKey
    throw new KeysMissing(`The keys of ${source.issuer} cannot be had`)
  }

  #find({ issuer, ca }: KeySource): Entry {
    const key = JSON.stringify([issuer, ca])
    const entry = this.#entries.get(key) ?? {
      kept: undefined,
      triedAtMs: Number.NEGATIVE_INFINITY,
      underWay: undefined,
    }
    // The one used longest ago is the first.
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size > MAX_ISSUERS) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest)
        break
      }
    }
    return entry
  }

  /** One fetch for all that wait; none if the last one was a moment ago. */
  async #renew(entry: Entry, source: KeySource): Promise<void> {
    if (!entry.underWay) {
      if (this.#clock() - entry.triedAtMs < FETCH_EVERY_MS) return
      entry.triedAtMs = this.#clock()
      entry.underWay = this.#fetchInto(entry, source).finally(() => {
        entry.underWay = undefined
      })
    }
    await entry.underWay
  }

  async #fetchInto(entry: Entry, source: KeySource): Promise<void> {
    try {
      entry.kept = { getKey: await this.#fetchKeys(source), fetchedAtMs: this.#clock() }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#onFailure({ issuer: source.issuer, reason })
    }
  }

  async #fetchKeys({ issuer, ca }: KeySource): Promise<JWTVerifyGetKey> {
    const options = { ca }
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const discovery = await this.#fetch(address, options)
    const { issuer: named, jwks_uri: keysAddress } = isRecord(discovery) ? discovery : {}
    // OpenID Connect Discovery, 4.3: another name is another issuer.
    if (named !== issuer) throw new Error(`${address} names another issuer`)
    if (typeof keysAddress !== 'string') throw new Error(`${address} names no jwks_uri`)
    return createLocalJWKSet(readKeySet(await this.#fetch(keysAddress, options)))
  }
}

/** Errors: `Error` if it is no JWK Set of a bearable size. */
function readKeySet(value: unknown): JSONWebKeySet {
  const { keys } = isRecord(value) ? value : {}
  if (!Array.isArray(keys) || !keys.every(isRecord)) throw new Error('it is no JWK Set')
  if (keys.length > MAX_KEYS) throw new Error(`there are more than ${MAX_KEYS} keys`)
  // No secret verifies an ID token, and a private key in it would be a mistake of the issuer.
  return { keys: keys.filter(({ kty }) => kty !== 'oct') as JSONWebKeySet['keys'] }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
