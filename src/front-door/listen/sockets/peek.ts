import type { Socket } from 'node:net'

/** Most bytes read before a protocol must be known: the largest ClientHello, after a PROXY header. */
const MAX_PEEKED_BYTES = 20_480

/**
 * Reads the first bytes of a connection until `read` recognizes them, and puts them back.
 * @returns undefined if the connection ends first, or after too many bytes.
 */
export function peek<T extends { readonly kind: string }>(
  socket: Socket,
  read: (bytes: Buffer) => T,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    let seen: Buffer = Buffer.alloc(0)
    const finish = (result: T | undefined): void => {
      socket.off('readable', onReadable)
      socket.off('end', onEnd)
      socket.off('close', onEnd)
      resolve(result)
    }
    const onEnd = (): void => finish(undefined)
    const onReadable = (): void => {
      const chunk: Buffer | null = socket.read()
      if (chunk === null) return
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk])
      const result = read(seen)
      if (result.kind === 'incomplete') {
        if (seen.length > MAX_PEEKED_BYTES) finish(undefined)
        return
      }
      finish(result)
      socket.unshift(seen)
    }
    socket.on('readable', onReadable)
    socket.once('end', onEnd)
    socket.once('close', onEnd)
    onReadable()
  })
}
