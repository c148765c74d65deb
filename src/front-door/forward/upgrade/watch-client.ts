import type { Duplex } from 'node:stream'
import type { SiteRequest } from '../../exchange/site-handler.ts'

/** Most bytes kept from a client before the protocol has changed; further ones wait in the system. */
const MAX_EARLY_BYTES = 64 * 1024

/**
 * Detects that a client of an upgrade has gone. Reading is the only way to see it, so bytes received meanwhile are
 * kept. A client that ends its side without having sent anything has gone, as with any other request.
 */
export class ClientWatch {
  readonly #socket: Duplex
  readonly #request: SiteRequest
  readonly #early: Buffer[] = []
  #bytes = 0
  #isWatching = false
  #isReleased = false
  #isGone = false
  #onGone: () => void = ignore

  constructor({ socket, head }: { socket: Duplex; head: Buffer }, request: SiteRequest) {
    this.#socket = socket
    this.#request = request
    if (head.length > 0) this.#keep(head)
    socket.once('close', this.#leave)
    // Reading the connection of an incomplete request would drop its body.
    if (request.complete) this.#watch()
    else request.once('end', this.#watch)
  }

  /** True if the client has gone. */
  get isGone(): boolean {
    return this.#isGone || this.#socket.destroyed
  }

  /** Called when the client goes, once; one listener at a time. */
  set onGone(listener: () => void) {
    this.#onGone = listener
  }

  /** Ends the watch. @returns the bytes received meanwhile. */
  release(): readonly Buffer[] {
    this.#isReleased = true
    this.#onGone = ignore
    this.#request.off('end', this.#watch)
    this.#socket.off('close', this.#leave).off('end', this.#end).off('data', this.#keep)
    if (this.#isWatching) this.#socket.pause()
    return this.#early.splice(0)
  }

  readonly #watch = (): void => {
    if (this.#isReleased || this.#bytes > MAX_EARLY_BYTES) return
    this.#isWatching = true
    this.#socket.on('data', this.#keep).once('end', this.#end)
  }

  readonly #keep = (chunk: Buffer): void => {
    this.#early.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > MAX_EARLY_BYTES) this.#socket.pause()
  }

  readonly #end = (): void => {
    if (this.#bytes === 0) this.#leave()
  }

  readonly #leave = (): void => {
    if (this.#isGone) return
    this.#isGone = true
    this.#onGone()
  }
}

function ignore(): void {}
