import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, type SecureContext } from 'node:tls'
import { makeAlpnCertificate } from '../../../src/certificates/x509/write/alpn-certificate.ts'
import type { SiteHandler, SiteVisit } from '../../../src/front-door/exchange/site-handler.ts'
import { createFrontDoor, type FrontDoor, type FrontDoorParts } from '../../../src/front-door/front-door.ts'
import { AnswerHolds } from '../../../src/front-door/listen/http/limits/answer-holds.ts'
import type { DoorAddress } from '../../../src/front-door/listen/sockets/door-address.ts'
import { HostTable } from '../../../src/front-door/sites/host-table.ts'
import type { CertificateSource } from '../../../src/front-door/sites/ports.ts'
import type { Site } from '../../../src/front-door/sites/site.ts'
import type { SiteDeclaration } from '../../../src/front-door/sites/site-declaration.ts'
import { defaultSettings } from '../../../src/front-door/vhost/settings/default-settings.ts'
import { ChunkCollector } from '../../../src/stream/chunk-collector.ts'
import { UnsentBytes } from '../../../src/stream/unsent-bytes.ts'
import { servedBy } from './served-by.ts'

/** A test's declaration of a site; the rest are the defaults of a container. */
export type SiteWish = Partial<SiteDeclaration> & { readonly host: string }

/** A site without paths of its own: the test's handler answers. */
export function makeSite(wish: SiteWish): Site {
  const declaration: SiteDeclaration = {
    source: { kind: 'docker', containers: ['app'] },
    httpsMethod: 'redirect',
    hsts: undefined,
    nonGetRedirect: 308,
    certificateName: undefined,
    isDefaultTrusted: true,
    httpWithoutCert: true,
    clientCertificates: undefined,
    networkAccess: 'external',
    tlsPolicy: undefined,
    http2: true,
    externalHttpPort: undefined,
    externalHttpsPort: undefined,
    isDefault: false,
    paths: [],
    acme: undefined,
    warnings: [],
    ...wish,
  }
  const settings = defaultSettings({ isRegistry: declaration.source.kind === 'registry' })
  // The front door itself needs none of it.
  const server = {
    problems: [],
    isClosed: false,
    settings,
    passwordFiles: [],
    route: () => ({ kind: 'error' as const, status: 500, settings }),
  }
  return { declaration, server, closed: undefined }
}

/** A table of sites; the one that is the default is also the fallback. */
export function makeTable(...wishes: readonly SiteWish[]): HostTable<Site> {
  const sites = wishes.map(makeSite)
  return new HostTable(
    sites.map((site) => [site.declaration.host, site] as const),
    sites.find(({ declaration }) => declaration.isDefault),
  )
}

const contexts = new Map<string, SecureContext>()

/** A self-signed certificate for a name, the same each time. */
export function ensureContext(name: string): SecureContext {
  const known = contexts.get(name)
  if (known) return known
  const context = makeContext(name)
  contexts.set(name, context)
  return context
}

function makeContext(name: string): SecureContext {
  // Keys and numbers are random: the tests do not depend on one that cannot be loaded.
  for (let attempt = 0; ; attempt++) {
    const { certificatePem, keyPem } = makeAlpnCertificate(name, name, Date.now())
    try {
      return createSecureContext({ cert: certificatePem, key: keyPem })
    } catch (error) {
      if (attempt === 3) throw error
    }
  }
}

/** Certificates by name: `names` are covered by the certificate of their value; there may be a default one. */
export function createCertificates(
  names: Readonly<Record<string, string>>,
  { hasDefault = false }: { readonly hasDefault?: boolean } = {},
): CertificateSource {
  return {
    find(serverName, { isDefaultTrusted, isSite }) {
      const own = serverName === undefined || !isSite ? undefined : names[serverName]
      if (own !== undefined) return ensureContext(own)
      if (!hasDefault || (isSite && !isDefaultTrusted)) return undefined
      return ensureContext('default.test')
    },
    findClients: () => undefined,
  }
}

/** Answers with the data it got, as JSON; an upgraded connection echoes. */
export const ECHO_HANDLER: SiteHandler = {
  serve({ request, site, target, ...facts }: SiteVisit, response) {
    const answer = response as ServerResponse
    answer.setHeader('content-type', 'application/json')
    answer.end(
      JSON.stringify({ site: site.declaration.host, url: target, http: request.httpVersion, ...facts }),
    )
    return Promise.resolve()
  },
  observe: () => undefined,
  mayUpgrade: ({ site }) => site.declaration.source.kind !== 'registry',
  upgrade(_visit: SiteVisit, socket: Duplex, head: Buffer) {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
    socket.write(head)
    socket.pipe(socket)
    return Promise.resolve()
  },
}

/** A count of unsent bytes with nothing in it. */
export function makeHolds(): AnswerHolds {
  return new AnswerHolds(new UnsentBytes(new ChunkCollector()))
}

/** An open front door. */
export interface TestDoor extends AsyncDisposable {
  readonly door: FrontDoor
  readonly httpPort: number
  readonly httpsPort: number
  readonly failures: unknown[]
  stop(signal: AbortSignal): Promise<void>
}

/** Opens a front door with a listener of each kind on loopback. */
export async function openTestDoor(
  sites: HostTable<Site>,
  parts: Partial<FrontDoorParts> = {},
  address: DoorAddress = { host: '127.0.0.1', port: 0 },
): Promise<TestDoor> {
  const failures: unknown[] = []
  let ids = 0
  const door = createFrontDoor(
    {
      certificates: createCertificates({}),
      challenges: { httpAnswer: () => undefined, alpnContext: () => undefined },
      handler: ECHO_HANDLER,
      holds: makeHolds(),
      served: servedBy((_request, response) => response.end('healthy')),
      trustedProxies: [],
      proxyProtocolFrom: [],
      tlsPolicy: 'Mozilla-Intermediate',
      newRequestId: () => String(++ids),
      logFailure: (error) => failures.push(error),
      ...parts,
    },
    sites,
  )
  const listeners = [
    await door.listen(address, { isTls: false }),
    await door.listen(address, { isTls: true }),
  ]
  const [httpPort = 0, httpsPort = 0] = listeners.map(({ url }) => Number(new URL(url).port))
  const stop = async (signal: AbortSignal): Promise<void> => {
    await Promise.all(listeners.map((listener) => listener.stop(signal)))
  }
  return {
    door,
    httpPort,
    httpsPort,
    failures,
    stop,
    [Symbol.asyncDispose]: () => stop(AbortSignal.abort()),
  }
}

/** A connection on which bytes are sent as they are. */
export async function connectTo(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** All bytes until the other side ends. */
export async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.closed && !socket.readableEnded) {
    await new Promise<void>((resolve) => {
      socket.once('end', resolve)
      socket.once('close', resolve)
    })
  }
  return Buffer.concat(chunks)
}
