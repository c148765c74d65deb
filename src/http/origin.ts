import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Forwarded, readForwarded } from './forwarded.ts'

/** Settings that decide the registry's own address. */
export interface OriginPolicy {
  /** Set by the operator: counts for every request. */
  readonly publicUrl: string | undefined
  /** Addresses (CIDR) whose forwarded headers count. With none, those of loopback count for scheme, host and port. */
  readonly trustedProxies: readonly string[]
  /**
   * Called with the first request of each kind whose clients would be sent to plain HTTP to log in, which those that
   * came over TLS refuse. Optional.
   */
  readonly onUnbelieved?: ((proxy: UnbelievedProxy) => void) | undefined
}

/** A proxy whose clients may have come over TLS, while this registry has to assume that they did not. */
export interface UnbelievedProxy {
  /** `untrusted`: its headers name TLS, but do not count; `silent`: it sends no scheme. */
  readonly kind: 'untrusted' | 'silent'
  readonly address: string
  /** Probable value of `public-url`, by the proxy's headers. */
  readonly url: string
}

/** A host with an optional port: nothing that could end a quoted string or begin a path. */
const HOST = /^(?:[a-zA-Z0-9._-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/
/** Headers that proxies add to what they pass on, with or without the scheme. */
const MARKS: readonly string[] = [
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-ssl',
  'x-real-ip',
  'front-end-https',
  'forwarded',
  'via',
]
/** Of http and https: proxies name the one of the hop before them, which may be the wrong one. */
const DEFAULT_PORTS: readonly string[] = ['80', '443']

/** Scheme and host of requests, and the address of their client. */
interface OriginReader {
  /** Scheme and host by which the client reaches this registry, without a trailing slash. */
  readOrigin(request: IncomingMessage): string
  /** The client's address; behind a trusted proxy the one from the proxy's header. */
  readRemote(request: IncomingMessage): string
}

/** Creates the reader of a policy. Errors: `TypeError` if an entry is no CIDR. */
export function createOriginReader(policy: OriginPolicy): OriginReader {
  const { publicUrl, trustedProxies, onUnbelieved } = policy
  const trusted = createBlockList(trustedProxies)
  const isTrusted = (address: string): boolean =>
    trustedProxies.length > 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  const warned = new Set<UnbelievedProxy['kind']>()
  const warn = (proxy: UnbelievedProxy): void => {
    if (warned.has(proxy.kind)) return
    warned.add(proxy.kind)
    onUnbelieved?.(proxy)
  }
  return {
    readOrigin(request) {
      if (publicUrl !== undefined) return publicUrl
      const { headers } = request
      const peer = peerOf(request)
      const isEncrypted = (request.socket as TLSSocket).encrypted === true
      // Most likely a proxy on this machine that does TLS; a local client that forges the headers harms only itself.
      const isLocalProxy = trustedProxies.length === 0 && !isEncrypted && isLoopback(peer)
      const own = { scheme: isEncrypted ? 'https' : 'http', host: headers.host }
      const isBelieved = isLocalProxy || isTrusted(peer)
      const forwarded = isBelieved || !isEncrypted ? readForwarded(headers) : NOTHING
      if (
        !isEncrypted &&
        forwarded.scheme === undefined &&
        MARKS.some((name) => headers[name] !== undefined)
      ) {
        warn({ kind: 'silent', address: peer, url: joinOrigin({ ...forwarded, scheme: 'https' }, own) })
      }
      if (isBelieved) return joinOrigin(forwarded, own)
      if (forwarded.scheme === 'https')
        warn({ kind: 'untrusted', address: peer, url: joinOrigin(forwarded, own) })
      return joinOrigin(NOTHING, own)
    },
    readRemote(request) {
      const peer = peerOf(request)
      if (!isTrusted(peer)) return peer
      return readForwarded(request.headers).client?.slice(0, 64) ?? peer
    },
  }
}

const NOTHING: Forwarded = { scheme: undefined, host: undefined, port: undefined, client: undefined }

function joinOrigin(forwarded: Forwarded, own: { scheme: string; host: string | undefined }): string {
  const scheme = (forwarded.scheme ?? own.scheme) === 'https' ? 'https' : 'http'
  const host = forwarded.host ?? own.host ?? ''
  if (!HOST.test(host)) return `${scheme}://localhost`
  return `${scheme}://${host}${formatPort(forwarded.port, host)}`
}

/** A port of the proxy that the host lacks; none that is the default of either scheme. */
function formatPort(port: string | undefined, host: string): string {
  if (port === undefined || !/^\d{1,5}$/.test(port) || /:\d+$/.test(host)) return ''
  return DEFAULT_PORTS.includes(port) ? '' : `:${port}`
}

/** The other end of the connection; an IPv4 address that came over IPv6 in its own form; empty for a local socket. */
function peerOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

function isLoopback(address: string): boolean {
  return address === '' || address === '::1' || address.startsWith('127.')
}

function createBlockList(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
