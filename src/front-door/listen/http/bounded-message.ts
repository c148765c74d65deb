const http = process.getBuiltinModule('node:http')

/** The bound of a body, and the bytes of it that came. */
interface Bound {
  readonly maxBytes: number
  readonly onTooLarge: () => void
  received: number
}

/** A request of HTTP/1.1 whose body can be bounded before it is read. */
export class BoundedMessage extends http.IncomingMessage {
  #bound: Bound | undefined

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
