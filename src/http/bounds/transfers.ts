import { OciError } from '../../oci/errors.ts'
import { MAX_TRANSFERS } from '../../stream/buffer-budget.ts'
import { FairShare } from './fair-share.ts'

/** Seconds after which a refused client may try again. */
const RETRY_AFTER_S = 5

/** The bytes of one request or answer that are on their way. */
interface TransferFacts {
  readonly direction: 'push' | 'pull'
  /** Bytes in all; undefined: the client did not announce it. */
  readonly expectedBytes: number | undefined
}

/** A transfer under way, for an operator. */
export interface ListedTransfer extends TransferFacts {
  readonly requestId: string
  readonly repository: string
  readonly user: string
  /** Address of the client. */
  readonly client: string
  /** Bytes so far. With HTTP/2, those of a push are of its whole connection. */
  readonly bytes: number
  /** ISO 8601. */
  readonly since: string
}

/** The request that transfers, as far as it is listed. */
interface TransferSource {
  readonly visit: { readonly requestId: string; readonly remoteAddress: string }
  readonly request: { readonly readableLength: number; readonly socket: { readonly bytesRead: number } }
  readonly repository: string | undefined
  readonly sentBytes: number
}

interface OpenTransfer extends TransferFacts {
  readonly source: TransferSource
  readonly user: string
  readonly startedAt: number
  /** Bytes that the connection had received before. */
  readonly readBefore: number
}

/** Counts the transfers of each account: one account must not take all that are possible at once. */
export class Transfers {
  readonly #shares = new FairShare(MAX_TRANSFERS)
  /** As many as the shares allow: MAX_TRANSFERS. */
  readonly #open = new Set<OpenTransfer>()

  /** Transfers under way. */
  get count(): number {
    return this.#open.size
  }

  /** Counts a transfer in, until it is disposed of. Errors: `TOOMANYREQUESTS`. */
  enter(user: string, source: TransferSource, facts: TransferFacts): Disposable {
    if (!this.#shares.take(user, 1)) {
      throw new OciError('TOOMANYREQUESTS', {
        message: 'Too many transfers of this account are under way: wait until some end, then try again',
        retryAfterS: RETRY_AFTER_S,
      })
    }
    const { socket, readableLength } = source.request
    // Bytes that came together with the head wait to be read.
    const readBefore = socket.bytesRead - readableLength
    const transfer = { ...facts, source, user, startedAt: Date.now(), readBefore }
    this.#open.add(transfer)
    return {
      [Symbol.dispose]: () => {
        this.#open.delete(transfer)
        this.#shares.give(user, 1)
      },
    }
  }

  /** The transfers under way, the oldest first. */
  list(): ListedTransfer[] {
    return [...this.#open].map(({ source, user, direction, expectedBytes, startedAt, readBefore }) => {
      const { visit, repository = '', request, sentBytes } = source
      const received = Math.max(0, request.socket.bytesRead - readBefore)
      return {
        requestId: visit.requestId,
        repository,
        user,
        client: visit.remoteAddress,
        direction,
        bytes: direction === 'pull' ? sentBytes : Math.min(received, expectedBytes ?? received),
        expectedBytes,
        since: new Date(startedAt).toISOString(),
      }
    })
  }
}
