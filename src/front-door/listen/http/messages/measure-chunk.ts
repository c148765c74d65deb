/** Bytes of the first argument of `write()` or `end()`; the second may be a callback in place of the encoding. */
export function measureChunk(chunk: unknown, encoding: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.length
  if (typeof chunk !== 'string') return 0
  return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}
