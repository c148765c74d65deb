import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { makeAlpnCertificate } from '../../../src/certificates/x509/write/alpn-certificate.ts'
import { findFreePort } from '../machine/free-port.ts'

const LOOPBACK = '127.0.0.1'
/** Header that names a request, so that a request at an upstream is known to belong to it. */
export const ROW_HEADER = 'x-row'

/** A request as an upstream got it. */
export interface SeenRequest {
  readonly server: string
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Servers behind the door, which remember their requests. */
export interface Upstreams extends AsyncDisposable {
  readonly main: string
  readonly other: string
  /** Speaks TLS with a certificate of its own, and answers with the name of the handshake (SNI). */
  readonly secure: string
  /** An address without a listener. */
  readonly dead: string
  readonly seen: Map<string, SeenRequest>
}

/** Starts the upstreams. The query sets their answers: status, header, location, type, length, delay. */
export async function startUpstreams(): Promise<Upstreams> {
  const seen = new Map<string, SeenRequest>()
  const servers = [startUpstream('main', seen), startUpstream('other', seen), startSecureUpstream()]
  const [main = '', other = '', secure = ''] = await Promise.all(servers.map(listen))
  return {
    main,
    other,
    secure,
    dead: `${LOOPBACK}:${await findFreePort()}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map(stop))
    },
  }
}

function startUpstream(name: string, seen: Map<string, SeenRequest>): Server {
  return createServer((incoming, response) => {
    let body = ''
    incoming.setEncoding('latin1')
    incoming.on('data', (chunk: string) => {
      body += chunk
    })
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      seen.set(String(headers[ROW_HEADER]), { server: name, method, url, headers, body })
      const query = new URLSearchParams(url.split('?')[1])
      for (const each of query.getAll('header')) {
        const [, header = '', value = ''] = /^([^:]*):?(.*)$/s.exec(each) ?? []
        response.setHeader(header, value)
      }
      const location = query.get('location')
      if (location !== null) response.setHeader('location', location)
      response.setHeader('content-type', query.get('type') ?? 'text/plain')
      response.statusCode = Number(query.get('status') ?? 200)
      const text = query.has('length') ? 'x'.repeat(Number(query.get('length'))) : `${name} ${method} ${url}`
      // Without a length, nginx treats every answer as a long one.
      if (response.statusCode !== 304) response.setHeader('content-length', Buffer.byteLength(text))
      setTimeout(() => response.end(text), Number(query.get('delay') ?? 0))
    })
  })
}

function startSecureUpstream(): Server {
  const { certificatePem, keyPem } = makeAlpnCertificate('inner.test', 'inner.test', Date.now())
  return createSecureServer({ cert: certificatePem, key: keyPem }, (incoming, response) => {
    const { servername } = incoming.socket as TLSSocket
    response.end(`secure ${incoming.url ?? ''} for ${String(servername)}`)
  })
}

/** Listens on loopback. @returns host and port. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return `${LOOPBACK}:${(server.address() as AddressInfo).port}`
}

/** Ends a server with all its connections. */
export async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
