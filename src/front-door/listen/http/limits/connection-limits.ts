import { MAX_HEAD_BYTES } from '../refusals/refuse-head.ts'

/** Bounds of every connection. */
export const CONNECTION_LIMITS = {
  /** Longest time to send all headers of a request, in milliseconds: a slow sender must not hold a connection. */
  headersTimeoutMs: 20_000,
  /** Time between two checks for such a sender, in milliseconds: Node's own 30 s would more than double the wait. */
  connectionsCheckMs: 5_000,
  /** Longest time for a TLS handshake, in milliseconds. */
  handshakeTimeoutMs: 20_000,
  /** Time for which an idle connection is kept, in milliseconds: longer than the 60 s of common load balancers. */
  keepAliveMs: 75_000,
  /** Largest head of a request, in bytes. */
  maxHeaderBytes: MAX_HEAD_BYTES,
  /** Headers of one request: clients send below 30, but over HTTP/2 browsers send each of up to 180 cookies as one. */
  maxHeaders: 1000,
  /**
   * Connections at once, fewer if the system lets this process open fewer files: an idle WebSocket costs some 40 KiB
   * with TLS, 11 without, another connection less.
   */
  maxConnections: 20_000,
  /** Bytes that a socket reads ahead while its body is not taken. */
  socketBufferBytes: 64 * 1024,
} as const
