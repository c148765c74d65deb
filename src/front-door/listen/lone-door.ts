import type { IncomingMessage, ServerResponse } from 'node:http'
import type { SecureContext } from 'node:tls'
import { createVisitMaker, type VisitRules } from '../visit/make-visit.ts'
import type { Served } from '../visit/served.ts'
import { traceRequest } from '../visit/trace-request.ts'
import type { AnswerGate } from './answer-gate.ts'
import { type DoorListener, openDoorListener } from './door-listener.ts'
import type { DoorPorts } from './door-ports.ts'
import { hasDoubles } from './http/messages/request-target.ts'
import type { HeadRefusal } from './http/refusals/refuse-head.ts'
import type { DoorAddress } from './sockets/door-address.ts'
import type { TlsPair } from './tls/pair-context.ts'

const POLICY = 'Mozilla-Intermediate'
/** RFC 9112, 3.2: of doubles a proxy before this server may have believed the other host, or the other log-in. */
const DOUBLED: HeadRefusal = {
  status: 400,
  reason: 'the request has several Host or Authorization headers: send one of each',
}

/** Dependencies of {@link openLoneDoor}. */
export interface LoneDoorParts extends VisitRules {
  /** Answers all requests, for any host. */
  readonly served: Served
  /** The current pair, the same object as long as it is; undefined: plain HTTP. */
  readonly pair: (() => TlsPair) | undefined
  /** Requests wait until it is open; undefined: they do not wait. */
  readonly gate?: AnswerGate
  /** Secret of the session tickets, the same in all processes that serve the same visitors. */
  readonly ticketSecret?: Uint8Array | undefined
  /** Longest time to send all headers, in milliseconds; 20 s if undefined. */
  readonly headersTimeoutMs?: number
  /** Called with failures before there is a request; that connection is closed. */
  readonly logFailure: (error: unknown) => void
}

/**
 * Listens for one site without a name of its own: any host, one certificate, no HTTP/2.
 * Errors: those of the system (`EADDRINUSE`, `EACCES`), and of OpenSSL for a pair that does not fit.
 */
export async function openLoneDoor(address: DoorAddress, parts: LoneDoorParts): Promise<DoorListener> {
  const { pair, ticketSecret, headersTimeoutMs } = parts
  // Loaded with TLS only.
  const tls = pair && (await import('./tls/pair-context.ts'))
  const findContext = pair && tls?.createContextFinder(pair, { policy: POLICY, ticketSecret })
  // A pair that does not fit is an error before anything listens.
  findContext?.()
  return openDoorListener(address, {
    isTls: pair !== undefined,
    http2: undefined,
    proxyProtocol: 'none',
    maxPerAddress: 0,
    ...(headersTimeoutMs !== undefined && { headersTimeoutMs }),
    ports: createPorts(parts, findContext),
  })
}

function createPorts(parts: LoneDoorParts, findContext: (() => SecureContext) | undefined): DoorPorts {
  const { served, gate, logFailure } = parts
  const refuse = (response: ServerResponse, refusal: HeadRefusal): void => {
    sendRefusal(response, refusal, served.word({ kind: 'head', reason: refusal.reason }))
  }
  const serve: DoorPorts['handle'] = (anyRequest, anyResponse, visit) => {
    // Without HTTP/2 there are no others.
    const request = anyRequest as IncomingMessage
    const response = anyResponse as ServerResponse
    if (!hasDoubles(request.rawHeaders)) return served.serve(request, response, visit)
    response.setHeader('connection', 'close')
    refuse(response, DOUBLED)
    request.resume()
  }
  const handle: DoorPorts['handle'] = (request, response, visit) =>
    traceRequest(response, visit, () => serve(request, response, visit))
  return {
    tlsFor: () => ({ policy: POLICY, http2: false, isForAnyName: true }),
    contextFor: () => findContext?.(),
    hostAt: () => undefined,
    challengeFor: () => undefined,
    isProxyTrusted: () => false,
    isCounted: () => false,
    makeVisit: createVisitMaker(parts),
    handle: gate ? (...arrived) => gate.pass(() => handle(...arrived)) : handle,
    refuseHead: (response, refusal) => refuse(response as ServerResponse, refusal),
    word: served.word,
    shouldUpgrade: () => false,
    upgrade: (_request, { socket }) => void socket.destroy(),
    logFailure,
  }
}

function sendRefusal(
  response: ServerResponse,
  { status }: HeadRefusal,
  { type, body }: ReturnType<Served['word']>,
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
