/**
 * Frees the memory of a buffer that is no longer used; the buffer is empty afterwards. V8's collection would do it
 * late, as it sees the small object that owns the memory, not its size. Memory shared with other buffers or with
 * threads is kept.
 */
export function freeMemoryOf(bytes: Buffer): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0)
}
