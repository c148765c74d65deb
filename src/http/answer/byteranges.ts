import { randomBytes } from 'node:crypto'
import type { ByteRange } from '../../oci/byte-range.ts'

/** Random bytes of a boundary: no content holds it by chance. Written in hexadecimal (RFC 2046, 5.1.1). */
const BOUNDARY_BYTES = 18

/** The frame around several spans of one content: `multipart/byteranges` (RFC 9110, 14.6). For one answer. */
export class Byteranges {
  readonly contentType: string
  readonly contentLength: number
  /** Bytes after the last span. */
  readonly end: Buffer
  readonly #heads: readonly Buffer[]
  readonly #lengths: readonly number[]
  #part = -1
  /** Bytes of the part that are still to come. */
  #left = 0

  /** `of` is the content: its size in bytes and its type. */
  constructor(ranges: readonly ByteRange[], of: { readonly size: number; readonly contentType: string }) {
    const boundary = randomBytes(BOUNDARY_BYTES).toString('hex')
    this.#heads = ranges.map((range, index) =>
      Buffer.from(
        `${index === 0 ? '' : '\r\n'}--${boundary}\r\n` +
          `Content-Type: ${of.contentType}\r\n` +
          `Content-Range: ${formatContentRange(range, of.size)}\r\n\r\n`,
      ),
    )
    this.#lengths = ranges.map(({ start, end }) => end - start)
    this.end = Buffer.from(`\r\n--${boundary}--\r\n`)
    this.contentType = `multipart/byteranges; boundary=${boundary}`
    this.contentLength = [...this.#heads, this.end].reduce(
      (sum, text) => sum + text.length,
      sum(this.#lengths),
    )
  }

  /** Bytes before the next `length` bytes of the spans, if they begin one. */
  before(length: number): Buffer | undefined {
    const isFirst = this.#left === 0
    if (isFirst) this.#left = this.#lengths[++this.#part] ?? 0
    this.#left -= length
    return isFirst ? this.#heads[this.#part] : undefined
  }
}

/** The value of `Content-Range` for a span (RFC 9110, 14.4). */
export function formatContentRange({ start, end }: ByteRange, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0)
}
