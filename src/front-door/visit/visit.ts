import type { RequestTrace } from '../../traces/request-trace.ts'
import type { ClientProof } from './client-proof.ts'

/**
 * One request as its visitor made it: made once, where the request arrives, and never changed. All parts that judge,
 * answer or log the request read it here, and not from the socket or the forwarded headers.
 */
export interface Visit {
  /** Names the request in answers and log lines. */
  readonly requestId: string
  /** Undefined: nothing is traced. */
  readonly trace?: RequestTrace | undefined
  /**
   * The visitor: the peer of the connection, or the one that a PROXY header or a trusted proxy names (the last address
   * of `X-Forwarded-For` or `Forwarded` that is no trusted proxy). An IPv4 address is never in IPv6 form; `unix:` for a
   * Unix socket.
   */
  readonly remoteAddress: string
  /** The peer of the connection, after its PROXY header: this is what is added to `X-Forwarded-For`. */
  readonly peerAddress: string
  readonly remotePort: number
  /** True if forwarded headers of the peer count. */
  readonly isPeerTrusted: boolean
  /** Path and query as they came, without scheme and host of an absolute form; `*` for the whole server. */
  readonly target: string
  /** Host and port of a target in absolute form; undefined: it has another form. One that differs from `Host` is refused. */
  readonly targetAuthority: string | undefined
  /** Scheme of the connection itself. */
  readonly scheme: 'http' | 'https'
  /** The port listened on. */
  readonly serverPort: number
  /** Scheme, host and port as the visitor sees them, without a trailing slash: `https://registry.example.com:8443`. */
  readonly origin: string
  /** Set if the visitor may have come over TLS although `origin` begins with http. */
  readonly doubt: OriginDoubt | undefined
  /** Undefined: plain HTTP. */
  readonly tls: TlsFacts | undefined
  /** Headers that the host adds to any answer, by the status of the answer. Undefined: none. */
  readonly addedHeaders?: ((status: number) => AddedHeaders) | undefined
}

/** A handshake, as it ended. */
interface TlsFacts {
  /** The name of the handshake, or the address that is the host; undefined: neither. */
  readonly serverName: string | undefined
  /** The client's certificate and the verdict on it; undefined: none was requested. */
  readonly client: ClientProof | undefined
}

/** Reason why `origin` may have the wrong scheme. */
export interface OriginDoubt {
  /** `untrusted`: headers of an untrusted proxy name https. `silent`: a proxy sends no scheme. */
  readonly kind: 'untrusted' | 'silent'
  /** The origin with https, as far as the proxy names it. */
  readonly url: string
}

/** Names and values of headers. */
export type AddedHeaders = Readonly<Record<string, string | readonly string[]>>
