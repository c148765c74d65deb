import type { Socket } from 'node:net'

/** Time for a refused client to read the reason, in milliseconds. */
const LINGER_MS = 1_000
/** Alert "unrecognized_name", fatal (RFC 6066 section 3). */
export const UNRECOGNIZED_NAME: Buffer = Buffer.from([0x15, 3, 3, 0, 2, 2, 112])
/** Alert "protocol_version", fatal (RFC 8446 section 6.2). */
export const PROTOCOL_VERSION: Buffer = Buffer.from([0x15, 3, 3, 0, 2, 2, 70])
const PLAIN_BODY = 'This port speaks HTTPS only.\n'
/** For a client that speaks plain HTTP where TLS is expected. */
export const PLAIN_ON_TLS = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${PLAIN_BODY.length}\r\nConnection: close\r\n\r\n${PLAIN_BODY}`

/**
 * Answers with the reason and ends; further bytes of the client are dropped, for otherwise it might never see the
 * answer.
 */
export function refuse(socket: Socket, answer: string | Buffer): void {
  socket.end(answer)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('end', () => socket.destroySoon())
  socket.once('close', () => clearTimeout(timer))
}
