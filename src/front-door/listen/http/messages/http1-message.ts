import type { IncomingMessage } from 'node:http'
import { measureChunk } from './measure-chunk.ts'

const http = process.getBuiltinModule('node:http')

/** The bound of a body, and the bytes of it that came. */
interface Bound {
  readonly maxBytes: number
  readonly onTooLarge: () => void
  received: number
}

/** A request of HTTP/1.1 whose body can be bounded, or requested, before it is read. Node's server makes them. */
export class Http1Request extends http.IncomingMessage {
  #bound: Bound | undefined
  #bodyCallback: (() => void) | undefined

  /** Calls back once the body is requested, for a client that holds it back until then. */
  onBodyRequested(callback: () => void): void {
    this.#bodyCallback = callback
  }

  /** Requests a body that is held back, unless that was done before; it may have come without. */
  requestBody(): void {
    const callback = this.#bodyCallback
    this.#bodyCallback = undefined
    callback?.()
  }

  /**
   * Bounds a body of unknown length: once it is longer, `onTooLarge` is called and nothing more of it is read. The reader
   * sees no end until the connection closes.
   * @returns false, and nothing is bounded, if what came with the head is too long already.
   */
  limitBody(maxBytes: number, onTooLarge: () => void): boolean {
    if (this.readableLength > maxBytes) return false
    this.#bound = { maxBytes, onTooLarge, received: this.readableLength }
    return true
  }

  /** Reading a body requests it. */
  override _read(size: number): void {
    if (this.#bodyCallback) this.requestBody()
    super._read(size)
  }

  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    const bound = this.#bound
    if (!bound) return super.push(chunk, encoding)
    const wasWithin = bound.received <= bound.maxBytes
    bound.received += chunk?.length ?? 0
    if (bound.received <= bound.maxBytes) return super.push(chunk, encoding)
    if (wasWithin) {
      // A reader gets no end either, and would wait for one long after the connection is gone.
      this.socket.once('close', () => this.destroy())
      bound.onTooLarge()
    }
    return true
  }
}

type Callback = (error?: Error | null) => void

/** The answer to such a request, with the bytes of its body so far. */
export class Http1Response<R extends IncomingMessage = Http1Request> extends http.ServerResponse<R> {
  #bodyBytes = 0

  /** Bytes of the body that were written, sent or not. */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    this.#bodyBytes += measureChunk(chunk, encoding)
    return super.write(chunk, encoding as BufferEncoding, callback as Callback)
  }

  override end(chunk?: unknown, encoding?: unknown, callback?: unknown): this {
    this.#bodyBytes += measureChunk(chunk, encoding)
    return super.end(chunk, encoding as BufferEncoding, callback as () => void)
  }
}
