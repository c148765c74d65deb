import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LocationSettings } from '../../vhost/settings/settings.ts'
import { ConnectFailed, connectServer } from '../connect/connect-server.ts'
import { upstreamTls } from '../connect/connect-tls.ts'
import { ANSWER_TIMEOUT, toReason, type UpstreamFailure } from '../send/upstream-failure.ts'
import { type Conversation, joinSockets } from './join-sockets.ts'
import type { ClientWatch } from './watch-client.ts'

const http = process.getBuiltinModule('node:http')

/** A request to change the protocol, to one server. */
interface OutgoingUpgrade {
  readonly protocol: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly method: string
  readonly target: string
  readonly headers: string[]
  readonly settings: LocationSettings
  /** Body before the protocol changes; undefined: none. Read once the server is reached. */
  readonly body: AsyncIterable<Buffer> | undefined
}

/** Result of an upgrade. */
export type UpgradeOutcome =
  /** Both sides speak the new protocol. */
  | { readonly kind: 'upgraded'; readonly status: number; readonly conversation: Conversation }
  /** The upstream answers otherwise; that answer has not begun to flow. */
  | { readonly kind: 'answered'; readonly answer: IncomingMessage }
  /** `aborted`: the client did not wait. */
  | { readonly kind: 'failed'; readonly reason: UpstreamFailure; readonly error: Error }

/** The client of an upgrade. */
interface UpgradingClient {
  readonly socket: Duplex
  readonly watch: ClientWatch
}

/**
 * Requests a change of the protocol at a server (RFC 9110 section 7.8) and then joins both connections: bytes pass as
 * they come, each side waits for the other, and either may end first. A connection that is silent on both sides for
 * `proxy_read_timeout` is ended.
 */
export function forwardUpgrade(
  outgoing: OutgoingUpgrade,
  client: UpgradingClient,
  writeHead: (status: number, raw: readonly string[]) => string,
): Promise<UpgradeOutcome> {
  const { settings, target: path, protocol, host, port, method, headers } = outgoing
  const address = {
    host,
    port,
    tls: protocol === 'https' ? upstreamTls(settings.proxySsl, host) : undefined,
    timeoutMs: settings.proxyConnectTimeoutMs,
  }
  return new Promise((resolve) => {
    let abandonConnecting: (() => void) | undefined
    const request = http.request({
      path,
      method,
      headers: headers as never,
      createConnection: (_options, done) => {
        abandonConnecting = connectServer(address, (result) => {
          // The types have no call without a socket.
          if (result instanceof ConnectFailed) (done as (error: Error) => void)(result)
          else done(null, result)
        })
        return undefined
      },
    })
    client.watch.onGone = () => {
      request.destroy()
      abandonConnecting?.()
    }
    request.setTimeout(settings.proxyReadTimeoutMs, () =>
      request.destroy(Object.assign(new Error('No answer in time'), { code: ANSWER_TIMEOUT })),
    )
    // A connection that is given up may fail after its request did.
    request.on('error', (error: Error & { readonly code?: string }) =>
      resolve({ kind: 'failed', reason: client.watch.isGone ? 'aborted' : toReason(error), error }),
    )
    request.once('upgrade', (answer: IncomingMessage, upstream: Socket, head: Buffer) => {
      const status = answer.statusCode ?? 101
      client.socket.write(writeHead(status, answer.rawHeaders), 'latin1')
      if (head.length > 0) client.socket.write(head)
      // Its answer and the bytes that came with it were read before.
      const before = upstream.bytesRead - head.length
      for (const chunk of client.watch.release()) upstream.write(chunk)
      const idleMs = settings.proxyReadTimeoutMs
      resolve({
        kind: 'upgraded',
        status,
        conversation: joinSockets(client.socket, upstream, { idleMs, before }),
      })
    })
    request.once('response', (answer: IncomingMessage) => {
      if (answer.statusCode !== 101) return resolve({ kind: 'answered', answer })
      answer.destroy()
      const error = new Error('The answer changes to another protocol and does not say which')
      resolve({ kind: 'failed', reason: 'bad-answer', error })
    })
    if (outgoing.body === undefined) request.end()
    else sendBody(outgoing.body, request)
  })
}

/** Begins once the server is reached. An answer may come, and end it all, before the body was sent. */
function sendBody(body: AsyncIterable<Buffer>, request: ClientRequest): void {
  request.once('socket', () => {
    pipeline(body, request).catch((error: Error) => request.destroy(error))
  })
}
