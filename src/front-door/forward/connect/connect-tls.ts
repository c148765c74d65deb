import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import type { LocationSettings } from '../../vhost/settings/settings.ts'

/** TLS settings for an upstream. */
export interface UpstreamTls {
  readonly verify: boolean
  /** Name in the handshake; undefined: none. */
  readonly serverName: string | undefined
  /** The name that the certificate must be for, if that is checked. */
  readonly verifiedName: string
}

/**
 * The names for a server's TLS: those of `proxy_ssl_name` and `proxy_ssl_server_name`. Without either, a server that is
 * known by its name gets it in the handshake, since it may have several certificates; nginx sends none.
 */
export function upstreamTls(
  { verify, serverName, name }: LocationSettings['proxySsl'],
  host: string,
): UpstreamTls {
  const helloName = serverName ? (name ?? host) : name === undefined ? host : undefined
  const isName = helloName !== undefined && isIP(helloName) === 0
  return { verify, serverName: isName ? helloName : undefined, verifiedName: name ?? host }
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
