import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { type DestinationStream, pino } from 'pino'
import type { WatchedFile } from '../../../src/files/watched-folder.ts'
import type { FileRules } from '../../../src/front-door/answer/files/find-file.ts'
import { createSiteHandler } from '../../../src/front-door/answer/serve-site.ts'
import type { SiteLog } from '../../../src/front-door/answer/site-access-log.ts'
import { createFrontDoor } from '../../../src/front-door/front-door.ts'
import { RateLimits } from '../../../src/front-door/judge/rate-limits.ts'
import { SiteAssembler } from '../../../src/front-door/sites/assemble-sites.ts'
import { HostTable } from '../../../src/front-door/sites/host-table.ts'
import type { PasswordChecker } from '../../../src/front-door/sites/ports.ts'
import type {
  PathDeclaration,
  SiteDeclaration,
  UpstreamDeclaration,
} from '../../../src/front-door/sites/site-declaration.ts'
import { readHttpLevel } from '../../../src/front-door/vhost/compile/read-http-level.ts'
import { ChunkCollector } from '../../../src/stream/chunk-collector.ts'
import { servedBy } from './served-by.ts'
import { ensureContext, makeHolds, makeSite } from './test-door.ts'

/** Host of all requests of such tests. */
export const HOST = 'app.example'

/** A front door with one site. */
export interface ProxyRoomOptions {
  /** Ports on loopback that answer; the first is tried first. */
  readonly ports?: readonly number[]
  readonly upstream?: Partial<UpstreamDeclaration>
  readonly declaration?: Partial<SiteDeclaration>
  readonly paths?: readonly PathDeclaration[]
  /** Content of the site's vhost file. */
  readonly vhost?: string
  /** Content of a file of conf.d. */
  readonly http?: string
  readonly passwords?: PasswordChecker
  readonly registry?: (request: IncomingMessage, response: ServerResponse) => void
  readonly trustedProxies?: readonly string[]
  readonly siteLog?: SiteLog
  readonly maxRequestsPerServer?: number
  readonly files?: FileRules
}

/** The door, open, and its log. */
export interface ProxyRoom extends AsyncDisposable {
  readonly port: number
  readonly tlsPort: number
  /** Lines of the log so far. */
  readonly log: readonly Record<string, unknown>[]
}

/** Opens a front door on loopback whose one site, {@link HOST}, is made of the options. */
export async function openProxyRoom(options: ProxyRoomOptions = {}): Promise<ProxyRoom> {
  await using resources = new AsyncDisposableStack()
  const log: Record<string, unknown>[] = []
  const destination: DestinationStream = {
    write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>),
  }
  const holds = makeHolds()
  const handler = resources.use(
    createSiteHandler({
      served: servedBy(options.registry ?? ((_request, response) => response.end('registry'))),
      limits: new RateLimits(),
      passwords: options.passwords ?? { check: async () => ({ kind: 'wrong' }) },
      logger: pino({ base: null }, destination),
      siteLog: options.siteLog,
      holds,
      collector: new ChunkCollector(),
      ...(options.files && { files: options.files }),
      ...(options.maxRequestsPerServer !== undefined && {
        maxRequestsPerServer: options.maxRequestsPerServer,
      }),
    }),
  )
  const declaration = {
    ...makeSite({ host: HOST }).declaration,
    httpsMethod: 'noredirect',
    ...options.declaration,
  } as const
  const [site] = new SiteAssembler().assemble({
    declarations: [{ ...declaration, paths: options.paths ?? [rootPath(options)] }],
    vhostFiles: new Map(options.vhost === undefined ? [] : [[HOST, toFile(HOST, options.vhost)]]),
    passwordFiles: new Map(),
    httpLevel: readHttpLevel([{ file: 'conf.d/x.conf', text: options.http ?? '' }]),
    resolvePath: (path) => path,
    hasLogFiles: true,
  })
  if (!site) throw new Error('the site was not assembled')
  let ids = 0
  const door = createFrontDoor(
    {
      holds,
      certificates: {
        find: (name) => (name === HOST ? ensureContext(HOST) : undefined),
        findClients: () => undefined,
      },
      challenges: { httpAnswer: () => undefined, alpnContext: () => undefined },
      handler,
      served: servedBy((_request, response) => response.end()),
      trustedProxies: options.trustedProxies ?? [],
      proxyProtocolFrom: [],
      tlsPolicy: 'Mozilla-Intermediate',
      newRequestId: () => `r${++ids}`,
      logFailure: (error) => void log.push({ error: String(error) }),
    },
    new HostTable([[HOST, site]]),
  )
  const listeners = await Promise.all(
    [false, true].map((isTls) => door.listen({ host: '127.0.0.1', port: 0 }, { isTls })),
  )
  resources.defer(async () => {
    await Promise.all(listeners.map((listener) => listener.stop(AbortSignal.abort())))
  })
  const [port = 0, tlsPort = 0] = listeners.map(({ url }) => Number(new URL(url).port))
  const kept = resources.move()
  return { port, tlsPort, log, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** The path `/` with servers on loopback. */
export function rootPath({
  ports = [],
  upstream = {},
}: Pick<ProxyRoomOptions, 'ports' | 'upstream'>): PathDeclaration {
  return {
    path: '/',
    destination: '',
    target: {
      kind: 'upstream',
      upstream: {
        name: 'app',
        protocol: 'http',
        servers: ports.map((port, index) => ({
          host: '127.0.0.1',
          port,
          name: `server${index}`,
          health: 'unknown',
          problem: undefined,
        })),
        balance: 'round-robin',
        keepAlive: 2,
        ...upstream,
      },
    },
  }
}

function toFile(name: string, text: string): WatchedFile {
  return { name, path: `vhost.d/${name}`, text, problem: undefined, version: text }
}

/** An upstream that does what a script says with each connection. */
interface ScriptedUpstream extends AsyncDisposable {
  readonly port: number
  /** Bytes of each connection, in order of the connections. */
  readonly received: string[]
}

/** Starts one. `act` gets the socket and the bytes so far once the head of a request is there. */
export async function startScriptedUpstream(
  act: (socket: Socket, head: string, connection: number) => void,
): Promise<ScriptedUpstream> {
  const received: string[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    const connection = received.push('') - 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
    let isBegun = false
    socket.on('data', (chunk) => {
      received[connection] += chunk.toString('latin1')
      const text = received[connection] ?? ''
      if (isBegun || !text.includes('\r\n\r\n')) return
      isBegun = true
      act(socket, text, connection)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Turns of the event loop of a quiet time: a turn that the machine held up counts as one, however long it took. */
const QUIET_TURNS = 5
/** Longest wait for the first byte, in milliseconds: only a test that fails waits that long. */
const FIRST_BYTE_MS = 60_000

/** Sends bytes. @returns all bytes received until the connection ends or is silent for a while. */
export async function exchange(
  port: number,
  bytes: string,
  { quietMs = 300 } = {},
): Promise<{ text: string; ended: boolean }> {
  const socket = connect({ host: '127.0.0.1', port })
  const chunks: Buffer[] = []
  let ended = false
  const { promise, resolve } = Promise.withResolvers<void>()
  let timer = setTimeout(resolve, FIRST_BYTE_MS)
  const waitQuietly = (turns: number): void => {
    clearTimeout(timer)
    const seen = chunks.length
    const next = (): void => {
      if (chunks.length > seen) return
      if (turns === 1) resolve()
      else waitQuietly(turns - 1)
    }
    timer = setTimeout(() => setImmediate(next), quietMs / QUIET_TURNS)
  }
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    waitQuietly(QUIET_TURNS)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    ended = true
    resolve()
  })
  socket.on('connect', () => socket.write(bytes, 'latin1'))
  await promise
  clearTimeout(timer)
  socket.destroy()
  return { text: Buffer.concat(chunks).toString('latin1'), ended }
}

/** A GET of a path, with further header lines. */
export function get(path: string, ...lines: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`
}
