import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectSecure } from 'node:tls'
import { tlsOptionsFor, type UpstreamTls } from './connect-tls.ts'

const SOCKET_OPTIONS = {
  noDelay: true,
  /** Idle time after which the system checks that the other end of a connection still exists, in milliseconds. */
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
  /** Bytes read ahead of an answer that is not taken yet. */
  highWaterMark: 64 * 1024,
} as const

/** Stage at which a connection failed: nothing of a request was sent then. */
export type ConnectFailure =
  /** The address does not exist, or refuses connections. */
  | 'unreachable'
  /** The connection or the handshake took too long. */
  | 'connect-timeout'
  /** The server was reached, and TLS with it failed: its certificate, its protocol, or no TLS at all. */
  | 'tls'

/** A failed connection. The stage decides, not a list of error codes. */
export class ConnectFailed extends Error {
  override readonly name = 'ConnectFailed'
  readonly reason: ConnectFailure

  constructor(stage: 'tcp' | 'tls', cause: Error & { readonly code?: string }) {
    super(formatError(cause), { cause })
    this.reason = cause.code === 'ETIMEDOUT' ? 'connect-timeout' : stage === 'tls' ? 'tls' : 'unreachable'
  }
}

/** Address of a server. */
interface ServerAddress {
  readonly host: string
  readonly port: number
  /** Undefined: without TLS. */
  readonly tls: UpstreamTls | undefined
  /** Bounds the connection and the handshake each. */
  readonly timeoutMs: number
}

/** Connects to a server, with TLS if set. @returns a function that gives the attempt up. */
export function connectServer(
  { host, port, tls, timeoutMs }: ServerAddress,
  done: (result: Socket | ConnectFailed) => void,
): () => void {
  const options = { host, port, ...SOCKET_OPTIONS }
  const socket = connectTcp(options)
  waitFor(socket, { event: 'connect', timeoutMs }, (error) => {
    if (error) return done(new ConnectFailed('tcp', error))
    if (!tls) return done(socket)
    const secure = connectSecure({ socket, ALPNProtocols: ['http/1.1'], ...tlsOptionsFor(tls) })
    waitFor(secure, { event: 'secureConnect', timeoutMs }, (failure) => {
      done(failure ? new ConnectFailed('tls', failure) : secure)
    })
  })
  return () => socket.destroy()
}

/** Calls back once: with an error if the socket ends, or too much time passes, before an event. */
function waitFor(
  socket: Socket,
  { event, timeoutMs }: { event: 'connect' | 'secureConnect'; timeoutMs: number },
  done: (error?: Error) => void,
): void {
  const finish = (error?: Error): void => {
    clearTimeout(timer)
    socket.off(event, onReady).off('error', finish).off('close', onClose)
    done(error)
  }
  const onReady = (): void => finish()
  const onClose = (): void => finish(coded('The connection was cut before it was there', 'ECONNRESET'))
  const timer = setTimeout(() => socket.destroy(coded('No connection in time', 'ETIMEDOUT')), timeoutMs)
  socket.on('error', noteUse)
  socket.once(event, onReady).once('error', finish).once('close', onClose)
}

/** Shared by all: a listener that stays on a connection must not hold the objects of its start. */
function noteUse(this: Socket, error: Error): void {
  if (this.bytesRead > 0) used.add(error)
}

function coded(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}

/**
 * A name with several addresses fails with an error for each, and without a text of its own; of OpenSSL's text only the
 * reason is for people.
 */
function formatError(error: Error & { readonly code?: string; readonly reason?: unknown }): string {
  if (error.code?.startsWith('ERR_SSL_') && typeof error.reason === 'string') return error.reason
  if (error.message !== '' || !(error instanceof AggregateError)) return error.message
  return error.errors.map((each) => (each instanceof Error ? each.message : String(each))).join('; ')
}

/** Errors of connections that had received bytes before: undici passes on an error without its connection. */
const used = new WeakSet<Error>()

/** True for an error of a connection that had received bytes before. */
export function wasUsed(error: Error): boolean {
  return used.has(error)
}
