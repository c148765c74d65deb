import type { Socket } from 'node:net'

/** Less than Node's first buffer for OpenSSL's input, in bytes. */
const MAX_PIECE_BYTES = 1_000

/**
 * Lets bytes that were put back on a connection be read in pieces, before TLS takes the connection over. Node passes
 * bytes read earlier to OpenSSL in a buffer that it keeps for the connection's life, and a full one makes it keep
 * another of 16 KiB: more than half of the rest of an idle connection's memory.
 *
 * NOTE: It replaces the socket's `read()` until they are read: Node calls it without a size, and has no setting for one
 * (ADR 13).
 */
export function readInPieces(socket: Socket): void {
  const { read } = socket
  socket.read = () => {
    const piece: unknown = read.call(socket, Math.min(socket.readableLength, MAX_PIECE_BYTES))
    if (socket.readableLength === 0) socket.read = read
    return piece
  }
}
