import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { type ClientHttp2Session, constants } from 'node:http2'
import type { Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { openDoorListener } from '../../../src/front-door/listen/door-listener.ts'
import type { DoorOptions, DoorPorts } from '../../../src/front-door/listen/door-ports.ts'
import { UploadWindows } from '../../../src/front-door/listen/http/limits/upload-windows.ts'
import type { DoorRequest, DoorResponse } from '../../../src/front-door/listen/http/messages/door-request.ts'
import { sendPage } from '../../../src/front-door/listen/http/refusals/error-pages.ts'
import type { DoorAddress } from '../../../src/front-door/listen/sockets/door-address.ts'
import { createVisitMaker } from '../../../src/front-door/visit/make-visit.ts'
import type { Visit } from '../../../src/front-door/visit/visit.ts'
import { wordRefusal } from '../../../src/http/answer/word-refusal.ts'
import { ensureContext, makeHolds } from './test-door.ts'

/** Names with another policy than the usual. */
export const MODERN = 'modern.test'
export const OLD = 'old.test'
/** A name without HTTP/2. */
export const PLAIN_HTTP1 = 'registry.test'

function findPolicy(name: string | undefined) {
  return name === MODERN ? 'Mozilla-Modern' : name === OLD ? 'Mozilla-Old' : 'Mozilla-Intermediate'
}

/** Serves every name below `test` but `unknown.test`; answers with the facts and the body's length. */
function portsWith(changes: Partial<DoorPorts>): DoorPorts {
  return {
    tlsFor: (name) =>
      name?.endsWith('.test') && name !== 'unknown.test'
        ? { policy: findPolicy(name), http2: name !== PLAIN_HTTP1 }
        : undefined,
    contextFor: (name) => (name === undefined ? undefined : ensureContext(name)),
    hostAt: () => undefined,
    challengeFor: (name) => (name === 'asked.test' ? ensureContext('asked.test') : undefined),
    isProxyTrusted: () => true,
    makeVisit: createVisitMaker({ trustedProxies: [], newRequestId: () => 'r1' }),
    refuseHead: (response, { status }) => sendPage(response, status),
    word: wordRefusal,
    isCounted: () => true,
    handle: (request, response, visit) => void echoVisit(request, response, visit),
    shouldUpgrade: () => true,
    upgrade: (_request, { socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    },
    logFailure: (error) => assert.fail(String(error)),
    ...changes,
  }
}

/** Answers with what is known of a request, and how long its body was. */
export async function echoVisit(
  request: DoorRequest,
  anyResponse: DoorResponse,
  visit: Visit,
): Promise<void> {
  const response = anyResponse as ServerResponse
  let bytes = 0
  try {
    for await (const chunk of request) bytes += chunk.length
  } catch {
    // The client is gone, or the request cannot be parsed.
    return
  }
  response.end(JSON.stringify({ ...visit, ...visit.tls, bytes }))
}

/** Opens a listener on loopback, with TLS by default. */
export async function open(
  options: Partial<Omit<DoorOptions, 'ports'>> & { ports?: Partial<DoorPorts> } = {},
  address: DoorAddress = { host: '127.0.0.1', port: 0 },
) {
  const { ports = {}, ...rest } = options
  const listener = await openDoorListener(address, {
    isTls: true,
    http2: { holds: makeHolds(), windows: new UploadWindows() },
    proxyProtocol: 'none',
    ...rest,
    ports: portsWith(ports),
  })
  return {
    ...listener,
    port: address.path === undefined ? Number(new URL(listener.url).port) : 0,
    [Symbol.asyncDispose]: () => listener.stop(AbortSignal.abort()),
  }
}

/** @returns the socket once the handshake is done; the number of the alert, or `closed`. */
export async function shakeHands(options: ConnectionOptions): Promise<TLSSocket | string> {
  const socket = connectTls({ host: '127.0.0.1', rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    socket.on('error', () => undefined)
    return socket
  } catch (error) {
    const [, alert] = /alert number (\d+)/.exec(String(error)) ?? []
    return alert ?? 'closed'
  }
}

/** The socket after the handshake; throws if there is none. */
export async function mustShakeHands(options: ConnectionOptions): Promise<TLSSocket> {
  const socket = await shakeHands(options)
  assert.ok(typeof socket !== 'string', String(socket))
  return socket
}

/** Sends a request on a connection. @returns the JSON of {@link echoVisit}'s answer. */
export async function requestOn(
  socket: Socket,
  head = 'GET / HTTP/1.1\r\nHost: x\r\n',
): Promise<Record<string, unknown>> {
  socket.write(`${head}\r\n`)
  const [bytes] = await once(socket, 'data')
  const [top = '', body = ''] = String(bytes).split('\r\n\r\n')
  assert.match(top, /^HTTP\/1.1 200 /)
  return JSON.parse(body)
}

/** Sends a request by HTTP/2. */
export async function requestHttp2(session: ClientHttp2Session, headers: Record<string, string> = {}) {
  const stream = session.request({ ':path': '/', ':authority': 'a.test', ...headers })
  stream.end()
  const [response] = await once(stream, 'response')
  let text = ''
  for await (const chunk of stream) text += chunk
  return { status: response[constants.HTTP2_HEADER_STATUS] as number, text }
}
