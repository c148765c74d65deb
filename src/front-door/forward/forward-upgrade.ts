import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { TLSSocket } from 'node:tls'
import type { LocationSettings } from '../directives/settings.ts'
import { tlsOptionsFor, upstreamTls } from './connect-tls.ts'
import type { UpstreamFailure } from './forward-request.ts'

/** A request to change the protocol, to one server. */
export interface OutgoingUpgrade {
  readonly protocol: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly method: string
  readonly target: string
  readonly headers: string[]
  readonly settings: LocationSettings
  /** What is sent before the protocol changes; undefined: nothing. Read once the server is reached. */
  readonly body: AsyncIterable<Buffer> | undefined
}

/** What came of it. */
export type UpgradeOutcome =
  /** Both sides speak the new protocol; settled when they have ended. `bytes` were sent to the client. */
  | { readonly kind: 'upgraded'; readonly status: number; readonly bytes: number }
  /** The upstream answered otherwise; that answer was passed on. */
  | { readonly kind: 'answered'; readonly status: number; readonly bytes: number }
  | { readonly kind: 'failed'; readonly reason: UpstreamFailure; readonly error: Error }

/**
 * Asks a server to change the protocol (RFC 9110 section 7.8) and then joins both connections: bytes pass as they
 * come, each side waits for the other, and either may end first. A connection on which neither says anything for
 * `proxy_read_timeout` is ended.
 */
export function forwardUpgrade(
  outgoing: OutgoingUpgrade,
  client: { readonly socket: Duplex; readonly head: Buffer },
  writeHead: (status: number, raw: readonly string[]) => string,
): Promise<UpgradeOutcome> {
  const { settings, target: path, protocol, host, port, method, headers } = outgoing
  const send = protocol === 'https' ? httpsRequest : httpRequest
  return new Promise((resolve) => {
    const request = send({
      host,
      port,
      path,
      method,
      headers: headers as never,
      agent: false,
      timeout: settings.proxyReadTimeoutMs,
      ...tlsOptionsFor(upstreamTls(settings.proxySsl, host)),
    })
    const abandon = (): void => {
      request.destroy()
    }
    const fail = (error: Error & { readonly code?: string }): void => {
      client.socket.off('close', abandon)
      resolve({ kind: 'failed', reason: reasonOf(error), error })
    }
    client.socket.once('close', abandon)
    request.once('socket', (socket) => boundConnecting(socket, settings.proxyConnectTimeoutMs))
    request.once('timeout', () =>
      request.destroy(Object.assign(new Error('No answer in time'), { code: 'ETIMEDOUT' })),
    )
    request.once('error', fail)
    request.once('upgrade', (answer: IncomingMessage, upstream: Socket, head: Buffer) => {
      client.socket.off('close', abandon)
      client.socket.write(writeHead(answer.statusCode ?? 101, answer.rawHeaders), 'latin1')
      if (head.length > 0) client.socket.write(head)
      // Its answer and what came with it were read before.
      const received = upstream.bytesRead
      if (client.head.length > 0) upstream.write(client.head)
      void join(client.socket, upstream, settings.proxyReadTimeoutMs).then((bytes) =>
        resolve({
          kind: 'upgraded',
          status: answer.statusCode ?? 101,
          bytes: bytes - received + head.length,
        }),
      )
    })
    request.once('response', (answer: IncomingMessage) => {
      const status = answer.statusCode ?? 502
      client.socket.write(writeHead(status, answer.rawHeaders), 'latin1')
      // Its length stands in its head, or the end of the connection tells it.
      let bytes = 0
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      answer.pipe(client.socket)
      // What the client still sends is for nobody; that it goes is only seen by reading.
      client.socket.resume()
      client.socket.once('end', abandon)
      answer.once('close', () => {
        client.socket.off('close', abandon)
        // What the visitor has is not whole: the connection says so.
        if (!answer.complete) client.socket.destroy()
        resolve({ kind: 'answered', status, bytes })
      })
    })
    if (outgoing.body === undefined) request.end()
    else sendBody(outgoing.body, request)
  })
}

/** An answer may come, and end all, before the body was sent. */
function sendBody(body: AsyncIterable<Buffer>, request: ClientRequest): void {
  const send = (): void => {
    pipeline(body, request).catch((error: Error) => request.destroy(error))
  }
  request.once('socket', (socket) => {
    if (socket.connecting) socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', send)
    else send()
  })
}

/** Another server can be tried where this one does not even take the connection. */
function boundConnecting(socket: Socket, timeoutMs: number): void {
  if (!socket.connecting) return
  const timer = setTimeout(() => {
    socket.destroy(Object.assign(new Error('No connection in time'), { code: 'CONNECT_TIMEOUT' }))
  }, timeoutMs)
  socket.once('connect', () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
}

function join(client: Duplex, upstream: Socket, idleMs: number): Promise<number> {
  return new Promise((resolve) => {
    let open = 2
    const onIdle = (): void => {
      client.destroy()
      upstream.destroy()
    }
    const onClose = (): void => {
      if (--open === 0) resolve(upstream.bytesRead)
    }
    // What either side does keeps both alive: the timer stands on the upstream, which sees the bytes of both ways.
    upstream.setTimeout(idleMs, onIdle)
    upstream.setNoDelay(true)
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
    upstream.once('close', () => {
      if (!client.writableEnded) client.end()
      onClose()
    })
    client.once('close', () => {
      upstream.destroy()
      onClose()
    })
    upstream.pipe(client)
    client.pipe(upstream)
  })
}

function reasonOf({ code, name }: { readonly code?: string; readonly name: string }): UpstreamFailure {
  if (name === 'BodyStopped') return 'body'
  if (code === 'ETIMEDOUT') return 'timeout'
  if (code === 'ECONNRESET') return 'no-answer'
  return code?.startsWith('HPE_') ? 'bad-answer' : 'unreachable'
}
