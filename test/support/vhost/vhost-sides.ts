import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { createHtpasswdChecker } from '../../../src/accounts/log-in/htpasswd-checker.ts'
import type { WatchedFile } from '../../../src/files/watched-folder.ts'
import { createSiteHandler } from '../../../src/front-door/answer/serve-site.ts'
import type { SiteLog } from '../../../src/front-door/answer/site-access-log.ts'
import { RateLimits } from '../../../src/front-door/judge/rate-limits.ts'
import { Http1Request, Http1Response } from '../../../src/front-door/listen/http/messages/http1-message.ts'
import { SiteAssembler } from '../../../src/front-door/sites/assemble-sites.ts'
import type { Site } from '../../../src/front-door/sites/site.ts'
import { readHttpLevel } from '../../../src/front-door/vhost/compile/read-http-level.ts'
import { ChunkCollector } from '../../../src/stream/chunk-collector.ts'
import { makeVisit, servedBy } from '../door/served-by.ts'
import { makeHolds, makeSite } from '../door/test-door.ts'
import { listen, ROW_HEADER, type SeenRequest, stop, type Upstreams } from './start-upstreams.ts'
import { ROOT, type Side, type VhostFiles } from './vhost-nginx.ts'

const LOOPBACK = '127.0.0.1'

/** A request to a side. */
interface SideRequest {
  readonly host: string
  readonly target: string
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly from?: string | undefined
}

/** An answer as a client got it. `status` 0: the connection was closed. */
export interface Observed {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly seen: SeenRequest | undefined
}

/** Berth's sites of the same files, behind a plain HTTP server. */
export async function startSites(
  files: readonly VhostFiles[],
  parts: {
    upstreams: Upstreams
    serverPort: number
    included: ReadonlyMap<string, string>
    siteLog?: SiteLog
    /** Text of `network_internal.conf`: all hosts are for internal networks. */
    internal?: string
    /** Text of `50x.html`. */
    errorPage?: string
  },
): Promise<Side & { readonly sites: readonly Site[] }> {
  await using resources = new AsyncDisposableStack()
  const sites = assemble(files, parts)
  const byHost = new Map(sites.map((site) => [site.declaration.host, site]))
  const handler = resources.use(
    createSiteHandler({
      served: servedBy((_request, response) => response.end()),
      limits: new RateLimits(),
      passwords: resources.use(createHtpasswdChecker({ weakHashes: true })),
      logger: pino({ level: 'silent' }),
      siteLog: parts.siteLog,
      holds: makeHolds(),
      collector: new ChunkCollector(),
    }),
  )
  let requestId = 0
  const server = createServer(
    { IncomingMessage: Http1Request, ServerResponse: Http1Response },
    (incoming, response) => {
      const authority = incoming.headers.host ?? ''
      const site = byHost.get(authority)
      const { remoteAddress = '', remotePort = 0 } = incoming.socket
      if (!site) {
        response.writeHead(421).end()
        return
      }
      const { serverPort } = parts
      const from = {
        remoteAddress,
        peerAddress: remoteAddress,
        remotePort,
        scheme: 'http',
        serverPort,
        target: incoming.url ?? '/',
      } as const
      const visit = makeVisit({ ...from, requestId: String(++requestId) })
      void handler.serve(
        { ...visit, request: incoming, headers: incoming.headers, site, host: authority, authority },
        response,
      )
    },
  )
  const address = await listen(server)
  resources.defer(() => stop(server))
  const kept = resources.move()
  return { port: Number(address.split(':')[1]), sites, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function assemble(
  files: readonly VhostFiles[],
  parts: {
    upstreams: Upstreams
    included: ReadonlyMap<string, string>
    internal?: string
    errorPage?: string
  },
): Site[] {
  const [host = '', port = ''] = parts.upstreams.main.split(':')
  const server = { host, port: Number(port), name: 'main', health: 'unknown', problem: undefined } as const
  const declarations = files.map(
    (file) =>
      makeSite({
        host: file.host,
        networkAccess: parts.internal === undefined ? 'external' : 'internal',
        paths: (file.paths ?? ROOT).map(({ path, destination }) => ({
          path,
          destination,
          target: {
            kind: 'upstream',
            upstream: {
              name: file.host,
              protocol: 'http',
              servers: [server],
              balance: 'round-robin',
              keepAlive: 2,
            },
          },
        })),
      }).declaration,
  )
  const texts = files.flatMap(({ host: name, vhost, location, override }): [string, string | undefined][] => [
    [name, vhost],
    [`${name}_location`, location],
    [`${name}_location_override`, override],
  ])
  const vhostFiles = new Map<string, WatchedFile>()
  for (const [name, text] of texts) {
    if (text !== undefined) {
      vhostFiles.set(name, { name, path: `vhost.d/${name}`, text, problem: undefined, version: text })
    }
  }
  for (const [path, text] of parts.included) {
    vhostFiles.set(path, { name: path, path, text, problem: undefined, version: text })
  }
  const confD = files.flatMap((file) =>
    file.confD === undefined ? [] : [{ file: `conf.d/${file.host}`, text: file.confD }],
  )
  return new SiteAssembler().assemble({
    declarations,
    vhostFiles,
    passwordFiles: new Map(),
    httpLevel: readHttpLevel(confD),
    internalFile: watched('network_internal.conf', parts.internal),
    errorPage: watched('50x.html', parts.errorPage),
    resolvePath: (path) => path,
    hasLogFiles: true,
  })
}

function watched(name: string, text: string | undefined): WatchedFile | undefined {
  return text === undefined ? undefined : { name, path: name, text, problem: undefined, version: text }
}

let rows = 0

/** Sends a request to a side. */
export async function requestSide(port: number, row: SideRequest, upstreams: Upstreams): Promise<Observed> {
  const id = String(++rows)
  const outgoing = request({
    host: LOOPBACK,
    port,
    path: row.target,
    method: row.method ?? 'GET',
    localAddress: row.from ?? LOOPBACK,
    agent: false,
    headers: { host: row.host, 'user-agent': 'probe', [ROW_HEADER]: id, ...row.headers },
  })
  outgoing.end(row.body)
  try {
    const [response] = await once(outgoing, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const body = (
      response.headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes
    ).toString()
    return { status: response.statusCode, headers: response.headers, body, seen: upstreams.seen.get(id) }
  } catch {
    // Closing the connection without an answer counts as an answer.
    return { status: 0, headers: {}, body: '', seen: upstreams.seen.get(id) }
  }
}
