import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { buildConnector } from 'undici'
import type { LocationSettings } from '../directives/settings.ts'

/** How TLS is spoken to an upstream. */
export interface UpstreamTls {
  readonly verify: boolean
  /** The name asked for in the handshake; undefined: none. */
  readonly serverName: string | undefined
  /** The name that the certificate must be for, if that is checked. */
  readonly verifiedName: string
}

/**
 * The names by which a server is spoken to: those of `proxy_ssl_name` and `proxy_ssl_server_name`. Where neither is
 * said, a server that is known by its name is asked by it, since it may have more than one; nginx asks for none.
 */
export function upstreamTls(
  { verify, serverName, name }: LocationSettings['proxySsl'],
  host: string,
): UpstreamTls {
  const asked = serverName ? (name ?? host) : name === undefined ? host : undefined
  const isName = asked !== undefined && isIP(asked) === 0
  return { verify, serverName: isName ? asked : undefined, verifiedName: name ?? host }
}

/** The part of TLS options that {@link UpstreamTls} decides, for Node's own clients. */
export function tlsOptionsFor({ verify, serverName, verifiedName }: UpstreamTls) {
  return {
    rejectUnauthorized: verify,
    servername: serverName ?? '',
    checkServerIdentity: (_host: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(verifiedName, certificate),
  }
}

/**
 * Makes what undici connects with. Its own asks for the host that the visitor asked for, which an upstream need not
 * know. `timeoutMs` bounds the connection and the handshake each.
 */
export function createTlsConnector(tls: UpstreamTls, timeoutMs: number): buildConnector.connector {
  const connectPlain = buildConnector({ timeout: timeoutMs })
  return (options, callback) => {
    connectPlain({ ...options, protocol: 'http:' }, (error, socket) => {
      if (error) callback(error, null)
      else shakeHands(socket as Socket, { tls, timeoutMs }, callback)
    })
  }
}

function shakeHands(
  socket: Socket,
  { tls, timeoutMs }: { tls: UpstreamTls; timeoutMs: number },
  callback: buildConnector.Callback,
): void {
  const secure: TLSSocket = connect({ socket, ALPNProtocols: ['http/1.1'], ...tlsOptionsFor(tls) })
  const timer = setTimeout(() => {
    secure.destroy(Object.assign(new Error('No handshake in time'), { code: 'UND_ERR_CONNECT_TIMEOUT' }))
  }, timeoutMs)
  const finish = (error: Error | null): void => {
    clearTimeout(timer)
    secure.off('secureConnect', onSecure)
    secure.off('error', finish)
    secure.off('close', onClose)
    if (error) callback(error, null)
    else callback(null, secure)
  }
  const onSecure = (): void => finish(null)
  const onClose = (): void => finish(Object.assign(new Error('The handshake was cut'), { code: 'EPROTO' }))
  secure.once('secureConnect', onSecure)
  secure.once('error', finish)
  secure.once('close', onClose)
}
