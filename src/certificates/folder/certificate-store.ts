import type { SecureContext } from 'node:tls'
import type { Logger } from 'pino'
import { createPairContext, type Pair } from '../x509/pair.ts'
import { CertificateFolder, type FolderListener } from './certificate-folder.ts'
import { type CertificateChoice, CertificateIndex, type CertificateWish } from './certificate-index.ts'
import { ClientAuthorities, type ClientChoice } from './client-authorities.ts'
import type { FolderPair } from './read-folder.ts'

/** Contexts kept for further handshakes: each takes some 40 KB; beyond that the least used ones are made anew. */
const MAX_CONTEXTS = 500

/** Settings of the store. */
interface StoreOptions {
  /** In order: the first that has a name wins. They may be missing, and come later. */
  readonly folders: readonly string[]
  /** The one of `folders` that Berth fills by itself: its files never decide which clients a host lets in. */
  readonly issued?: string | undefined
  /** Called after each change. */
  readonly onChange?: () => void
  readonly log?: Pick<Logger, 'info' | 'warn'>
}

/** A pair as it is listed. */
export interface ListedCertificate extends FolderPair {
  readonly folder: string
}

/** The certificates of several folders, kept up to date. A served pair is replaced only by one that can be loaded. */
export class CertificateStore implements Disposable {
  readonly #options: StoreOptions
  readonly #contexts = new Map<Pair, SecureContext>()
  readonly #logged = new Map<string, string>()
  #folders: readonly CertificateFolder[] = []
  #index = new CertificateIndex([])
  #clients = new ClientAuthorities([])
  #loggedClients: ReturnType<ClientAuthorities['describe']> = new Map()

  private constructor(options: StoreOptions) {
    this.#options = options
  }

  /** Reads all folders and watches them until it is disposed of. */
  static async open(options: StoreOptions): Promise<CertificateStore> {
    const store = new CertificateStore(options)
    const listener = (path: string): FolderListener => ({
      hasClientFiles: path !== options.issued,
      onChange: (): void => store.#changed(),
      onProblem: (problem: string): void => options.log?.warn(`certificates: ${problem}`),
    })
    store.#folders = await Promise.all(
      options.folders.map((path) => CertificateFolder.open(path, listener(path))),
    )
    store.#rebuild()
    return store
  }

  /** The context for a name; see {@link CertificateIndex} for the order. Cheap enough for every handshake. */
  find(serverName: string, options: CertificateWish = {}): SecureContext | undefined {
    const { found } = this.choose(serverName, options)
    return found && this.#ensureContext(found.pair)
  }

  /** The certificate of a host, the rule that chose it, and a remark for the operator. */
  choose(host: string, wish: CertificateWish = {}): CertificateChoice {
    return this.#index.choose(host, { ...wish, now: Date.now() })
  }

  /** CAs for the clients of a declared host; undefined: it does not request client certificates. */
  findClients(host: string): ClientChoice | undefined {
    return this.#clients.choose(host)
  }

  /** All pairs, those that cannot be used included. */
  list(): ListedCertificate[] {
    return this.#folders.flatMap(({ path, pairs }) =>
      [...pairs.values()].map((pair) => ({ ...pair, folder: path })),
    )
  }

  /** Reads all folders now; a newly installed pair is served when this settles. */
  async refresh(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => folder.refresh()))
  }

  [Symbol.dispose](): void {
    for (const folder of this.#folders) folder[Symbol.dispose]()
  }

  #ensureContext(pair: Pair): SecureContext {
    const known = this.#contexts.get(pair)
    const context = known ?? createPairContext(pair)
    if (known) this.#contexts.delete(pair)
    this.#contexts.set(pair, context)
    const [oldest] = this.#contexts.size > MAX_CONTEXTS ? this.#contexts.keys() : []
    if (oldest) this.#contexts.delete(oldest)
    return context
  }

  #changed(): void {
    this.#rebuild()
    this.#options.onChange?.()
  }

  #rebuild(): void {
    const pairs = this.#folders.flatMap((folder) => [...folder.pairs.values()])
    this.#index = new CertificateIndex(pairs)
    this.#clients = new ClientAuthorities(this.#folders.map(({ clientFiles }) => clientFiles))
    const served = new Set(pairs.map(({ pair }) => pair))
    for (const pair of this.#contexts.keys()) if (!served.has(pair)) this.#contexts.delete(pair)
    this.#logClients()
    this.#logPairs(pairs)
  }

  #logClients(): void {
    const { log } = this.#options
    const before = this.#loggedClients
    this.#loggedClients = this.#clients.describe()
    for (const [file, { isFine, text }] of this.#loggedClients) {
      if (before.get(file)?.text !== text) log?.[isFine ? 'info' : 'warn']({ file }, `certificates: ${text}`)
    }
    for (const file of before.keys()) {
      if (!this.#loggedClients.has(file))
        log?.warn(
          { file },
          `certificates: ${file} is gone, and client certificates are no longer checked by it`,
        )
    }
  }

  /** Logs a line for each pair that cannot be used, and for each that was replaced; once. */
  #logPairs(pairs: readonly FolderPair[]): void {
    const { log } = this.#options
    const isFirst = this.#logged.size === 0
    const files = new Set(pairs.map(({ certFile }) => certFile))
    for (const file of this.#logged.keys()) if (!files.has(file)) this.#logged.delete(file)
    for (const { certFile, problem, remedy, pair } of pairs) {
      const state = `${problem ?? ''} ${pair?.fingerprint ?? ''}`
      if (this.#logged.get(certFile) === state) continue
      this.#logged.set(certFile, state)
      if (problem !== undefined) {
        const kept = pair ? ' What was loaded before is served on.' : ''
        log?.warn({ file: certFile }, `certificates: ${certFile} is not used: ${problem}. ${remedy}.${kept}`)
      } else if (!isFirst && pair) {
        log?.info({ file: certFile }, `certificates: ${certFile} is served from now on`)
      }
    }
  }
}
