/**
 * Frees the memory behind a buffer that nobody needs any more; the buffer is empty afterwards. V8 would do it when it
 * collects, which is late: it sees the small object that stands for the memory, not what it holds. What shares its
 * memory with others keeps it, as does what threads share.
 */
export function freeMemoryOf(bytes: Buffer): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) buffer.transfer(0)
}
