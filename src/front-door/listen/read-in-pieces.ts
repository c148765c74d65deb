import type { Socket } from 'node:net'

/** Less than Node's first buffer for what OpenSSL is to read, in bytes. */
const MAX_PIECE_BYTES = 1_000

/**
 * Lets what was put back on a connection be read in pieces, before TLS takes the connection over. Node gives OpenSSL
 * what was read already in a buffer that it keeps for the connection's life, and one that is filled to the brim makes it
 * keep another of 16 KiB: more than half of what an idle connection takes besides.
 */
export function readInPieces(socket: Socket): void {
  const { read } = socket
  socket.read = () => {
    const piece: unknown = read.call(socket, Math.min(socket.readableLength, MAX_PIECE_BYTES))
    if (socket.readableLength === 0) socket.read = read
    return piece
  }
}
