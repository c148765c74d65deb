import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** What decides under which address this registry is reached. */
export interface OriginPolicy {
  /** Set by the operator: counts for every request. */
  readonly publicUrl: string | undefined
  /** Addresses (CIDR) whose `X-Forwarded-*` headers count. */
  readonly trustedProxies: readonly string[]
}

/** A host with an optional port: nothing that could end a quoted string or begin a path. */
const HOST = /^(?:[a-zA-Z0-9._-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/

/** Scheme and host of requests, and the address of their client. */
export interface OriginReader {
  /** Scheme and host as the client reaches this registry, without a trailing slash. */
  originOf(request: IncomingMessage): string
  /** The client's address; that behind a trusted proxy as the proxy tells it. */
  remoteOf(request: IncomingMessage): string
}

/** Creates the reader of a policy. Errors: `TypeError` if an entry is no CIDR. */
export function createOriginReader({ publicUrl, trustedProxies }: OriginPolicy): OriginReader {
  const trusted = blockListOf(trustedProxies)
  const isTrusted = (address: string): boolean =>
    trustedProxies.length > 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  return {
    originOf(request) {
      if (publicUrl !== undefined) return publicUrl
      const { headers, socket } = request
      const viaProxy = isTrusted(peerOf(request))
      const forwardedHost = viaProxy ? firstOf(headers['x-forwarded-host']) : undefined
      const forwardedScheme = viaProxy ? firstOf(headers['x-forwarded-proto']) : undefined
      const scheme = forwardedScheme ?? ((socket as TLSSocket).encrypted === true ? 'https' : 'http')
      const host = forwardedHost ?? headers.host ?? ''
      return `${scheme === 'https' ? 'https' : 'http'}://${HOST.test(host) ? host : 'localhost'}`
    },
    remoteOf(request) {
      const peer = peerOf(request)
      if (!isTrusted(peer)) return peer
      const told = request.headers['x-forwarded-for']
      const last = (Array.isArray(told) ? told.join(',') : told)?.split(',').at(-1)?.trim()
      return last === undefined || last === '' ? peer : last.slice(0, 64)
    },
  }
}

/** The other end of the connection; an IPv4 address that came over IPv6 in its own form. */
function peerOf(request: IncomingMessage): string {
  const address = request.socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

function firstOf(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header[0] : header
  const first = text?.split(',')[0]?.trim()
  return first === '' ? undefined : first
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
