import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { createHtpasswdChecker } from '../../src/accounts/htpasswd-checker.ts'
import { makeAlpnCertificate } from '../../src/certificates/acme/alpn-certificate.ts'
import { SiteAssembler } from '../../src/front-door/assemble-sites.ts'
import { readHttpLevel } from '../../src/front-door/directives/http-level.ts'
import { createSiteHandler } from '../../src/front-door/serve-site.ts'
import type { Site } from '../../src/front-door/site.ts'
import type { WatchedFile } from '../../src/front-door/watched-folder.ts'
import { part } from '../parts/find-parts.ts'
import { findFreePort, isListening } from './free-port.ts'
import { runCommand } from './run-command.ts'
import { startProcess } from './start-process.ts'
import { makeSite } from './test-door.ts'

const LOOPBACK = '127.0.0.1'
const ROW_HEADER = 'x-row'
const ROOT = [{ path: '/', destination: '' }]

/** A vhost file with what stands around it, placeholders filled in. */
export interface VhostFiles {
  readonly host: string
  readonly vhost: string
  readonly location?: string | undefined
  readonly override?: string | undefined
  readonly confD?: string | undefined
  /** Declared paths; undefined: `/` alone. */
  readonly paths?: readonly { readonly path: string; readonly destination: string }[] | undefined
}

/** A request to a side. */
export interface SideRequest {
  readonly host: string
  readonly target: string
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly from?: string | undefined
}

/** What an upstream was asked. */
export interface SeenRequest {
  readonly server: string
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What a client got. `status` 0: the connection was closed. */
export interface Observed {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly seen: SeenRequest | undefined
}

/** Servers to pass requests to, which remember what they were asked. */
export interface Upstreams extends AsyncDisposable {
  readonly main: string
  readonly other: string
  /** Speaks TLS with a certificate of its own, and answers with the name it was asked for. */
  readonly secure: string
  /** Nobody listens there. */
  readonly dead: string
  readonly seen: Map<string, SeenRequest>
}

/** Starts the upstreams. The query says what they answer: status, header, location, type, length, delay. */
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
        const [header = '', value = ''] = each.split(':')
        response.setHeader(header, value)
      }
      const location = query.get('location')
      if (location !== null) response.setHeader('location', location)
      response.setHeader('content-type', query.get('type') ?? 'text/plain')
      response.statusCode = Number(query.get('status') ?? 200)
      const text = query.has('length') ? 'x'.repeat(Number(query.get('length'))) : `${name} ${method} ${url}`
      // Without a length, nginx takes every answer for a long one.
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

async function listen(server: Server): Promise<string> {
  server.listen(0, LOOPBACK)
  await once(server, 'listening')
  return `${LOOPBACK}:${(server.address() as AddressInfo).port}`
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}

/** A server that has all hosts. */
export interface Side extends AsyncDisposable {
  readonly port: number
}

/** nginx with what nginx-proxy writes around vhost files. */
export async function startNginx(
  folder: string,
  files: readonly VhostFiles[],
  upstreams: Upstreams,
): Promise<Side> {
  const port = await findFreePort()
  const path = (name: string): string => join(folder, name)
  await mkdir(folder, { recursive: true })
  await writeFile(path('nginx.conf'), formatConfig(folder, { files, upstreams, port }))
  const nginx = await startProcess(part('nginx'), {
    args: ['-p', folder, '-c', path('nginx.conf'), '-e', path('error.log')],
    logFile: path('output.log'),
    isReady: async () => {
      await isListening(port)
      return true
    },
  })
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await nginx.stop()
    },
  }
}

/** Whether nginx would start with a vhost file; its own words if not. */
export async function checkWithNginx(
  folder: string,
  file: VhostFiles,
  upstreams: Pick<Upstreams, 'main'>,
): Promise<string | undefined> {
  const config = join(folder, 'check.conf')
  await writeFile(config, formatConfig(folder, { files: [file], upstreams, port: 1 }))
  const args = ['-t', '-q', '-p', folder, '-c', config, '-e', join(folder, 'check.log')]
  const { code, stderr } = await runCommand(part('nginx'), args)
  return code === 0 ? undefined : stderr
}

function formatConfig(
  folder: string,
  parts: { files: readonly VhostFiles[]; upstreams: Pick<Upstreams, 'main'>; port: number },
): string {
  const { files, upstreams, port } = parts
  const servers = files.map(
    ({ host, vhost, location = '', override, confD = '', paths = ROOT }) => `${confD}
  upstream ${host} { server ${upstreams.main}; }
  server {
    listen ${LOOPBACK}:${port};
    server_name ${host};
    ${vhost}
    ${override ?? paths.map(({ path, destination }) => `location ${path} { proxy_pass http://${host}${destination}; ${location} }`).join('\n    ')}
  }`,
  )
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 256; }
http {
  access_log off;
  default_type application/octet-stream;
  types { text/html html; text/plain txt; }
  server_names_hash_bucket_size 128;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_set_header Host $http_host;
  proxy_set_header Connection '';
  proxy_set_header X-Real-IP $remote_addr;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Ssl off;
  proxy_set_header X-Forwarded-Port $server_port;
  proxy_set_header X-Original-URI $request_uri;
  proxy_set_header Proxy "";
${servers.join('\n')}
}
`
}

/** Berth's sites of the same files, behind a plain HTTP server. */
export async function startSites(
  files: readonly VhostFiles[],
  parts: { upstreams: Upstreams; serverPort: number; included: ReadonlyMap<string, string> },
): Promise<Side & { readonly sites: readonly Site[] }> {
  await using resources = new AsyncDisposableStack()
  const sites = assemble(files, parts)
  const byHost = new Map(sites.map((site) => [site.declaration.host, site]))
  const handler = resources.use(
    createSiteHandler({
      registry: (_request, response) => response.end(),
      passwords: resources.use(createHtpasswdChecker({ weakHashes: true })),
      logger: pino({ level: 'silent' }),
      siteLog: undefined,
    }),
  )
  let requestId = 0
  const server = createServer((incoming, response) => {
    const authority = incoming.headers.host ?? ''
    const site = byHost.get(authority)
    const { remoteAddress = '', remotePort = 0 } = incoming.socket
    if (!site) {
      response.writeHead(421).end()
      return
    }
    void handler.serve({
      request: incoming,
      response,
      site,
      scheme: 'http',
      host: authority,
      authority,
      remoteAddress,
      peerAddress: remoteAddress,
      remotePort,
      serverPort: parts.serverPort,
      isPeerTrusted: false,
      requestId: String(++requestId),
    })
  })
  const address = await listen(server)
  resources.defer(() => stop(server))
  const kept = resources.move()
  return { port: Number(address.split(':')[1]), sites, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

function assemble(
  files: readonly VhostFiles[],
  parts: { upstreams: Upstreams; included: ReadonlyMap<string, string> },
): Site[] {
  const [host = '', port = ''] = parts.upstreams.main.split(':')
  const server = { host, port: Number(port), name: 'main', health: 'unknown', problem: undefined } as const
  const declarations = files.map(
    (file) =>
      makeSite({
        host: file.host,
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
    resolvePath: (path) => path,
  })
}

let rows = 0

/** Asks a side. */
export async function ask(port: number, row: SideRequest, upstreams: Upstreams): Promise<Observed> {
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
    // The server closed the connection without an answer, which is one.
    return { status: 0, headers: {}, body: '', seen: upstreams.seen.get(id) }
  }
}
