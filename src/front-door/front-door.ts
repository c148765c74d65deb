import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { isOutOfDescriptors } from '../stream/descriptors.ts'
import { readChallengeFile } from './answer/challenge-file.ts'
import type { Door, FrontDoorParts } from './door.ts'
import { setHsts } from './exchange/site-exchange.ts'
import type { SiteVisit } from './exchange/site-handler.ts'
import { type Found, type FoundBehind, find, findBehind } from './find-request.ts'
import { type DoorListener, openDoorListener } from './listen/door-listener.ts'
import type { DoorOptions, OpenedProtocol } from './listen/door-ports.ts'
import { UploadWindows } from './listen/http/limits/upload-windows.ts'
import type { DoorRequest, DoorResponse } from './listen/http/messages/door-request.ts'
import type { Http1Request } from './listen/http/messages/http1-message.ts'
import type { Http2Response } from './listen/http/messages/http2-message.ts'
import { sendPage, sendText } from './listen/http/refusals/error-pages.ts'
import type { DoorAddress } from './listen/sockets/door-address.ts'
import type { HostTable } from './sites/host-table.ts'
import type { Site } from './sites/site.ts'
import { createTlsFinder } from './sites/tls-finder.ts'
import { createAddressMatcher, UNIX_ADDRESS } from './visit/address/network-address.ts'
import { createVisitMaker } from './visit/make-visit.ts'
import { traceRequest } from './visit/trace-request.ts'
import type { Visit } from './visit/visit.ts'

export type { FrontDoorParts } from './door.ts'

/** The listeners and the table of hosts behind them. */
export interface FrontDoor {
  /** Starts to listen. Errors: those of the system. */
  listen(address: DoorAddress, options: { isTls: boolean }): Promise<DoorListener>
  /** Replaces the table. Requests under way end as they began; the next ones see the new table. */
  setSites(sites: HostTable<Site>): void
}

/** Creates a front door without listeners. */
export function createFrontDoor(parts: FrontDoorParts, sites: HostTable<Site>): FrontDoor {
  const state = { sites }
  const finder = createTlsFinder(parts, () => state.sites)
  const isTrusted = createAddressMatcher(parts.trustedProxies)
  const door: Door = { parts, isTrusted, finder, sites: () => state.sites }
  const options = toOptions(door)
  return {
    listen: (address, { isTls }) => openDoorListener(address, { ...options, isTls }),
    setSites(next) {
      state.sites = next
    },
  }
}

function toOptions(door: Door): Omit<DoorOptions, 'isTls'> {
  const { parts, finder, isTrusted } = door
  const pass = (answer: () => void): void => (parts.gate ? parts.gate.pass(answer) : answer())
  return {
    http2: { holds: parts.holds, windows: new UploadWindows() },
    proxyProtocol: parts.proxyProtocolFrom.length === 0 ? 'none' : (parts.proxyProtocol ?? 'optional'),
    ...(parts.maxConnections !== undefined && { maxConnections: parts.maxConnections }),
    ...(parts.maxConnectionsPerAddress !== undefined && { maxPerAddress: parts.maxConnectionsPerAddress }),
    ports: {
      tlsFor: finder.findPolicy,
      contextFor: finder.findContext,
      hostAt: finder.hostAt,
      challengeFor: (name) => parts.challenges.alpnContext(name),
      ticketSecret: parts.ticketSecret,
      isProxyTrusted: createAddressMatcher(parts.proxyProtocolFrom),
      isCounted: (address) => !isOwnAddress(address) && !isTrusted(address),
      makeVisit: createVisitMaker(parts),
      handle: (request, response, visit) =>
        pass(() => traceRequest(response, visit, () => serve(door, { request, response, visit }))),
      refuseHead: (response, { status }) => sendPage(response, status),
      word: parts.served.word,
      shouldUpgrade: (request, visit) => shouldUpgrade(door, request, visit),
      upgrade: (request, opened) => pass(() => traceUpgrade(opened, () => upgrade(door, request, opened))),
      logFailure: parts.logFailure,
    },
  }
}

function isHttp2(response: DoorResponse): response is Http2Response {
  return 'stream' in response
}

/** True for this machine and trusted proxies: one such address stands for many visitors. */
function isOwnAddress(address: string): boolean {
  return address === UNIX_ADDRESS || address === '::1' || (address.startsWith('127.') && isIP(address) === 4)
}

interface Arrival {
  readonly request: DoorRequest
  readonly response: DoorResponse
  readonly visit: Visit
}

function serve(door: Door, arrival: Arrival): void {
  const { request, response, visit } = arrival
  const fail = (error: unknown): void => {
    door.parts.logFailure(error)
    showRequestId(arrival)
    sendPage(response, isOutOfDescriptors(error) ? 503 : 500)
  }
  try {
    const found = find(door, request, visit)
    if (found.kind === 'site') {
      nameSite(found.visit)
      door.parts.handler.serve(found.visit, response).catch(fail)
    } else if (found.kind === 'challenge-file') answerFromFile(door, found, arrival).catch(fail)
    else answer(door, found, arrival)
  } catch (error) {
    fail(error)
  }
}

/** The host as declared: visitors choose names below a wildcard. */
function nameSite({ trace, site }: SiteVisit): void {
  trace?.describe({ 'server.address': site.declaration.host })
}

/** Log lines about the request have this id. */
function showRequestId({ response, visit }: Arrival): void {
  if (!response.headersSent) response.setHeader('x-request-id', visit.requestId)
}

/** Answers from a challenge file; without such a file it is a request like any other. */
async function answerFromFile(
  door: Door,
  { folder, token, target }: Extract<Found, { kind: 'challenge-file' }>,
  arrival: Arrival,
): Promise<void> {
  const text = await readChallengeFile(folder, token)
  if (text !== undefined) return sendText(arrival.response, 200, text)
  const found = findBehind(door, arrival, target)
  if (found.kind === 'site') await door.parts.handler.serve(found.visit, arrival.response)
  else answer(door, found, arrival)
}

/** Answers a request that is not passed to a site. */
function answer(door: Door, found: Exclude<FoundBehind, { kind: 'site' }>, arrival: Arrival): void {
  const { request, response, visit } = arrival
  showRequestId(arrival)
  switch (found.kind) {
    case 'challenge':
      sendText(response, 200, found.answer)
      return
    case 'redirect':
      door.parts.handler.observe(found.visit, response)
      response.setHeader('location', found.location)
      sendPage(response, found.status)
      return
    case 'refused':
      door.parts.handler.observe(found.visit, response)
      setHsts(response, found.visit)
      endConnection(response)
      sendPage(response, found.status)
      return
    case 'health':
      door.parts.served.serve(request as IncomingMessage, response as ServerResponse, visit)
      return
    case 'page':
      if (found.visit) setHsts(response, found.visit)
      sendPage(response, found.status)
      return
    default:
      found satisfies never
  }
}

/** Ends the connection: a client's certificate counts for all of it, so another one needs another connection. */
function endConnection(response: DoorResponse): void {
  if (isHttp2(response)) response.stream.session?.close()
  else response.setHeader('connection', 'close')
}

/** False for requests that are not passed to a site: they are answered like any other. */
function shouldUpgrade(door: Door, request: Http1Request, visit: Visit): boolean {
  try {
    const found = find(door, request, visit)
    return found.kind === 'site' && door.parts.handler.mayUpgrade(found.visit)
  } catch {
    // It will be thrown again, and logged, where the request is answered.
    return false
  }
}

/** Its span ends with the answer to the request, not with the conversation after it. */
function traceUpgrade({ visit: { trace } }: OpenedProtocol, answer: () => Promise<void> | void): void {
  if (!trace) return void answer()
  void Promise.resolve(trace.run(answer)).finally(() => trace.end(undefined))
}

function upgrade(
  door: Door,
  request: Http1Request,
  { socket, head, visit }: OpenedProtocol,
): Promise<void> | void {
  const fail = (error: unknown): void => {
    door.parts.logFailure(error)
    socket.destroy()
  }
  try {
    const found = find(door, request, visit)
    if (found.kind === 'site') {
      nameSite(found.visit)
      return door.parts.handler.upgrade(found.visit, socket, head).catch(fail)
    }
    socket.destroy()
  } catch (error) {
    fail(error)
  }
}
