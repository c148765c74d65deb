import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { measureChunk } from './measure-chunk.ts'

/** A request of HTTP/2 whose body can be requested before it is read. Node's server makes them. */
export class Http2Request extends Http2ServerRequest {
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

  /** Reading a body requests it. */
  override _read(size: number): void {
    if (this.#bodyCallback) this.requestBody()
    super._read(size)
  }
}

/** The answer to such a request, with the bytes of its body so far. */
export class Http2Response extends Http2ServerResponse<Http2Request> {
  #bodyBytes = 0

  /** Bytes of the body that were written, sent or not. */
  get bodyBytes(): number {
    return this.#bodyBytes
  }

  /** `end()` writes by it, too. */
  override write(chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
    this.#bodyBytes += measureChunk(chunk, encoding)
    return super.write(chunk as string, encoding as BufferEncoding, callback as (error: Error) => void)
  }
}
