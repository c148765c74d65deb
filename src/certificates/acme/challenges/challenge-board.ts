import { isIP, isIPv6 } from 'node:net'
import type { SecureContext } from 'node:tls'
import { makeAlpnContext } from '../../x509/write/alpn-certificate.ts'
import { addressBytes } from '../../x509/write/x509-extensions.ts'

/** Most open challenges at once: orders run four at a time, of at most 100 names. */
const MAX_ENTRIES = 1000
/** Longest life of an answer that is never removed, in ms: longer than any order takes. */
const MAX_AGE_MS = 3600 * 1000

/** Answers for the listeners: has the shape of `ChallengeSource` of the front door. */
export interface ChallengeAnswers {
  httpAnswer(token: string): string | undefined
  alpnContext(serverName: string): SecureContext | undefined
}

/** An answer in the form for other processes that listen. */
export interface OpenAnswer {
  readonly type: 'http-01' | 'tls-alpn-01'
  /** The token, or the name to prove. */
  readonly subject: string
  readonly keyAuthorization: string
}

/** Passes answers on to other processes that listen for the same visitors. */
export interface AnswerRelay {
  /** Settles when all of them can answer; unreachable ones are not waited for. */
  open(answer: OpenAnswer): Promise<void>
  close(answer: OpenAnswer): void
}

interface Entry<T> {
  readonly value: T
  readonly expiresAt: number
}

/**
 * The answers to open challenges. Each is removed with its order, after {@link MAX_AGE_MS} at the latest; beyond {@link
 * MAX_ENTRIES} the oldest goes.
 */
export class ChallengeBoard implements ChallengeAnswers {
  readonly #http = new Map<string, Entry<string>>()
  readonly #alpn = new Map<string, Entry<SecureContext>>()
  readonly #clock: () => number
  readonly #relay: AnswerRelay | undefined
  #relayed: Promise<unknown> = Promise.resolve()

  /** @param clock Unix time in ms. */
  constructor(clock: () => number, relay?: AnswerRelay) {
    this.#clock = clock
    this.#relay = relay
  }

  httpAnswer(token: string): string | undefined {
    // Strangers may send any token: nothing is computed for one that is not open.
    return this.#read(this.#http, token)
  }

  alpnContext(serverName: string): SecureContext | undefined {
    return this.#read(this.#alpn, serverName.toLowerCase())
  }

  /** Answers `/.well-known/acme-challenge/<token>` until disposed of. */
  addHttp(token: string, keyAuthorization: string): Disposable {
    const answer = { type: 'http-01', subject: token, keyAuthorization } as const
    return this.#passOn(answer, this.#add(this.#http, token, keyAuthorization))
  }

  /** Answers handshakes with `acme-tls/1` for a name until disposed of. */
  addAlpn(name: string, keyAuthorization: string): Disposable {
    const context = makeAlpnContext(name, keyAuthorization, this.#clock())
    const answer = { type: 'tls-alpn-01', subject: name, keyAuthorization } as const
    return this.#passOn(answer, this.#add(this.#alpn, isIP(name) === 0 ? name : reverseName(name), context))
  }

  /** Settles when every process that listens can give the answers added so far: only then may a CA check them. */
  async settled(): Promise<void> {
    await this.#relayed
  }

  #passOn(answer: OpenAnswer, added: Disposable): Disposable {
    const relay = this.#relay
    if (!relay) return added
    this.#relayed = Promise.all([this.#relayed, relay.open(answer)])
    return {
      [Symbol.dispose]: () => {
        added[Symbol.dispose]()
        relay.close(answer)
      },
    }
  }

  #add<T>(map: Map<string, Entry<T>>, key: string, value: T): Disposable {
    const entry = { value, expiresAt: this.#clock() + MAX_AGE_MS }
    map.delete(key)
    const [oldest] = map.keys()
    if (map.size >= MAX_ENTRIES && oldest !== undefined) map.delete(oldest)
    map.set(key, entry)
    return {
      [Symbol.dispose]: () => {
        if (map.get(key) === entry) map.delete(key)
      },
    }
  }

  #read<T>(map: Map<string, Entry<T>>, key: string): T | undefined {
    const entry = map.get(key)
    if (entry === undefined) return undefined
    if (entry.expiresAt > this.#clock()) return entry.value
    map.delete(key)
    return undefined
  }
}

/** Server name in a CA's handshake for an address (RFC 8738 section 6): its name in the reverse DNS. */
function reverseName(address: string): string {
  const bytes = [...addressBytes(address)].reverse()
  if (!isIPv6(address)) return `${bytes.join('.')}.in-addr.arpa`
  return `${bytes.flatMap((byte) => [(byte & 15).toString(16), (byte >> 4).toString(16)]).join('.')}.ip6.arpa`
}
