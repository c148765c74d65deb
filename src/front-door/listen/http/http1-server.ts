import type { Server as HttpServer, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { continueOnceRequested } from './expect-continue.ts'
import { CONNECTION_LIMITS } from './limits/connection-limits.ts'
import { RequestTurns } from './limits/request-turns.ts'
import { Http1Request, Http1Response } from './messages/http1-message.ts'
import { type HeadRefusal, judgeHead } from './refusals/refuse-head.ts'
import { answerUnreadable, refuseTunnel } from './refusals/unreadable.ts'
import type { RequestPorts } from './request-ports.ts'

const http = process.getBuiltinModule('node:http')

/** Protocols that no request to this door can change to (RFC 9113 section 3.1, RFC 2817). */
const UNOFFERED_UPGRADES = /^(?:h2c?|tls\/[\d.]+)$/i
/** Node's own answer has no body. */
const UNMET: HeadRefusal = { status: 417, reason: 'nothing but 100-continue may be expected here' }

/** A server of HTTP/1.1 for connections given to it by `emit('connection')`, or its own once it listens. */
export function createHttp1(
  ports: RequestPorts,
  { headersTimeoutMs }: { headersTimeoutMs: number },
): HttpServer {
  const turns = new RequestTurns((request, response) => {
    const refusal = judgeHead(request)
    if (refusal) refuse(request, response, refusal)
    else ports.handle(request, response)
  })
  const refuse = (request: IncomingMessage, response: Http1Response, refusal: HeadRefusal): void => {
    response.setHeader('connection', 'close')
    ports.refuseHead(response, refusal)
    request.resume()
  }
  const word = ports.word
  const server = http.createServer({
    IncomingMessage: Http1Request,
    ServerResponse: Http1Response,
    maxHeaderSize: CONNECTION_LIMITS.maxHeaderBytes,
    noDelay: true,
    highWaterMark: CONNECTION_LIMITS.socketBufferBytes,
    connectionsCheckingInterval: Math.min(CONNECTION_LIMITS.connectionsCheckMs, headersTimeoutMs),
    requestTimeout: 0,
    // Most requests have no body; one in twenty of their cost was a stream without one.
    optimizeEmptyRequests: true,
    // Node's own answer has no body.
    requireHostHeader: false,
    headersTimeout: headersTimeoutMs,
    keepAliveTimeout: CONNECTION_LIMITS.keepAliveMs,
    // After requests that wait for their answers it is one like them: the new protocol would come before these.
    shouldUpgradeCallback: (request) =>
      !isUnoffered(request.headers.upgrade) &&
      !judgeHead(request) &&
      turns.isIdle(request.socket) &&
      ports.shouldUpgrade(request),
  })
  server.maxHeadersCount = CONNECTION_LIMITS.maxHeaders
  server.on('request', (request: Http1Request, response: Http1Response) => turns.take(request, response))
  server.on('checkContinue', (request: Http1Request, response: Http1Response) => {
    continueOnceRequested(request, response)
    turns.take(request, response)
  })
  server.on('upgrade', (request: Http1Request, socket: Duplex, head: Buffer) => {
    socket.on('error', ignore)
    ports.upgrade(request, socket, head)
  })
  server.on('checkExpectation', (request: Http1Request, response: Http1Response) => {
    refuse(request, response, UNMET)
  })
  server.on('connect', (_request: IncomingMessage, socket: Socket) => refuseTunnel(socket, word))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answerUnreadable(error, socket, { pending: turns.pending(socket), word })
  })
  return server
}

function isUnoffered(upgrade: string | undefined): boolean {
  return upgrade === undefined || upgrade.split(',').some((name) => UNOFFERED_UPGRADES.test(name.trim()))
}

function ignore(): void {}
