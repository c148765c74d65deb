import type { IncomingHttpHeaders } from 'node:http'
import type { BeginTrace } from '../../traces/request-trace.ts'
import { createAddressMatcher } from './address/network-address.ts'
import { findVisitor } from './address/visitor-address.ts'
import type { ClientProof } from './client-proof.ts'
import { readForwarded } from './forwarded-header.ts'
import { toOriginForm } from './origin-form.ts'
import { readOrigin } from './seen-origin.ts'
import type { Visit } from './visit.ts'

/** A connection: its other end and the reason it was opened. */
export interface ConnectionFacts {
  readonly scheme: 'http' | 'https'
  /** In its one form (`plainAddress()`), after the PROXY header; `unix:` for a Unix socket. */
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localPort: number
  /** The name of the handshake, or the address that is the host; undefined without TLS, or without either. */
  readonly serverName: string | undefined
  /** The certificate of the client; undefined: none was requested. */
  readonly client?: ClientProof | undefined
}

/** Rules of a server by which visits are made. */
export interface VisitRules {
  /** Addresses (CIDR) whose forwarded headers count. With none, those of loopback count for scheme, host and port. */
  readonly trustedProxies: readonly string[]
  readonly newRequestId: () => string
  /** Undefined: nothing is traced. */
  readonly beginTrace?: BeginTrace | undefined
}

/** The head of a request, as Node read it. */
interface RequestHead {
  readonly url?: string | undefined
  readonly method?: string | undefined
  readonly headers: IncomingHttpHeaders
}

/** Makes the visit of a request. */
export type MakeVisit = (request: RequestHead, facts: ConnectionFacts) => Visit

/** Creates the maker of visits. Errors: those of `createAddressMatcher()`. */
export function createVisitMaker({ trustedProxies, newRequestId, beginTrace }: VisitRules): MakeVisit {
  const isTrusted = createAddressMatcher(trustedProxies)
  const isLoopbackBelieved = trustedProxies.length === 0
  return ({ url = '/', method = '', headers }, facts) => {
    const { scheme, remoteAddress: peerAddress, remotePort, localPort, serverName, client } = facts
    const isPeerTrusted = isTrusted(peerAddress)
    const { target, targetAuthority } = toOriginForm(url)
    const { origin, doubt } = readOrigin(headers, { scheme, peerAddress, isTrusted, isLoopbackBelieved })
    const requestId = (isPeerTrusted ? readRequestId(headers) : undefined) ?? newRequestId()
    const remoteAddress = isPeerTrusted ? readVisitor(headers, peerAddress, isTrusted) : peerAddress
    return {
      requestId,
      trace: beginTrace?.({
        ...{ requestId, method, target, scheme, remoteAddress },
        context: isPeerTrusted
          ? { traceparent: headers.traceparent, tracestate: headers.tracestate }
          : undefined,
      }),
      remoteAddress,
      peerAddress,
      remotePort,
      isPeerTrusted,
      target,
      targetAuthority,
      scheme,
      serverPort: localPort,
      origin,
      doubt,
      tls: scheme === 'https' ? { serverName, client } : undefined,
    }
  }
}

/**
 * Form of an id that a trusted proxy gives a request: it goes into log lines and headers as it is, and is long enough for
 * a UUID and for the ids of common proxies.
 */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** The id that a proxy in front gave the request, so that its lines and ours have the same; undefined: none of that form. */
function readRequestId(headers: IncomingHttpHeaders): string | undefined {
  const id = headers['x-request-id']
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : undefined
}

function readVisitor(
  headers: IncomingHttpHeaders,
  peer: string,
  isTrusted: (address: string) => boolean,
): string {
  const forwardedFor = headers['x-forwarded-for'] ?? readForwarded(headers, isTrusted)?.addresses
  return findVisitor(peer, forwardedFor, isTrusted)
}
