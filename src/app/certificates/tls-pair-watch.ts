import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { Logger } from 'pino'
import type { TlsFiles } from '../../config/config.ts'
import { readVersion } from '../../files/file-version.ts'
import type { TlsPair } from '../../front-door/listen/tls/pair-context.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { AppError } from '../faults/app-error.ts'

/** Time between two checks of the files, in milliseconds; a change counts once two checks have found the same. */
const LOOK_EVERY_MS = 5_000

/** Settings of the watch of a pair. */
interface TlsPairOptions {
  readonly logger: Logger
  readonly everyMs?: number
}

/**
 * The pair of `--tls-cert` and `--tls-key`, read again when the files change, so that a renewal needs no restart. An
 * unusable pair leaves the one before in force, and is logged once.
 */
export class TlsPairWatch implements AsyncDisposable {
  readonly #files: TlsFiles
  readonly #logger: Logger
  readonly #looks: AsyncDisposable
  #pair: TlsPair
  #context: SecureContext
  /** Identity of the files that were read last, usable or not. */
  #judged: string
  #seen: string

  private constructor(
    files: TlsFiles,
    { logger, everyMs = LOOK_EVERY_MS }: TlsPairOptions,
    opened: { pair: TlsPair; context: SecureContext; identity: string },
  ) {
    this.#files = files
    this.#logger = logger
    this.#pair = opened.pair
    this.#context = opened.context
    this.#judged = opened.identity
    this.#seen = opened.identity
    const looks = runPeriodically(() => this.#look(), {
      firstMs: everyMs,
      everyMs,
      onError: (err) => logger.error({ err }, 'the certificate of --tls-cert cannot be read'),
    })
    this.#looks = { [Symbol.asyncDispose]: () => looks.stop() }
  }

  /** Reads the pair. Errors: `AppError` `TLS_FILES_UNUSABLE`. */
  static async open(files: TlsFiles, options: TlsPairOptions): Promise<TlsPairWatch> {
    const identity = await readIdentity(files)
    return new TlsPairWatch(files, options, { ...(await readPair(files)), identity })
  }

  get pair(): TlsPair {
    return this.#pair
  }

  /** Expiry of the certificate, Unix time in ms, and its file. */
  get expiry(): { readonly file: string; readonly notAfter: number } {
    return {
      file: this.#files.certFile,
      notAfter: new X509Certificate(this.#pair.cert).validToDate.getTime(),
    }
  }

  /** The same one as long as the pair is. */
  get context(): SecureContext {
    return this.#context
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#looks[Symbol.asyncDispose]())
  }

  async #look(): Promise<void> {
    const identity = await readIdentity(this.#files)
    const hasSettled = identity === this.#seen
    this.#seen = identity
    if (!hasSettled || identity === this.#judged) return
    this.#judged = identity
    const { certFile } = this.#files
    try {
      const { pair, context } = await readPair(this.#files)
      this.#pair = pair
      this.#context = context
      this.#logger.info({ certFile }, 'certificate read again')
    } catch (err) {
      this.#logger.warn(
        { err, certFile },
        'the new certificate cannot be used: the one before stays in force',
      )
    }
  }
}

async function readPair({ certFile, keyFile }: TlsFiles): Promise<{ pair: TlsPair; context: SecureContext }> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]).catch((cause) => {
    throw new AppError(
      'TLS_FILES_UNUSABLE',
      'The certificate or the key cannot be read',
      `Check that ${certFile} and ${keyFile} exist and this user may read them`,
      cause,
    )
  })
  try {
    return { pair: { cert, key }, context: createSecureContext({ cert, key }) }
  } catch (cause) {
    throw new AppError(
      'TLS_FILES_UNUSABLE',
      'The certificate and the key do not work together',
      `Check that ${certFile} holds the certificate, in PEM, and ${keyFile} its key`,
      cause,
    )
  }
}

/** Text that differs whenever the files changed; a missing file is a state, too. */
async function readIdentity({ certFile, keyFile }: TlsFiles): Promise<string> {
  return (await Promise.all([certFile, keyFile].map(readVersion))).join(', ')
}
