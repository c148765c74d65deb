import { readFileSync } from 'node:fs'
import type { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { DockerError } from './docker-error.ts'

const http = process.getBuiltinModule('node:http')

/** Connections for answers: as many containers as are inspected at once, and a list beside them. */
const MAX_CONNECTIONS = 9
/** Idle connections kept: one serves the next event's inspection; the engine's other connections are freed. */
const MAX_IDLE = 2

/** Address of an engine. */
export interface EngineAddress {
  readonly request: typeof httpRequest
  readonly agent: HttpAgent
  readonly options: {
    readonly socketPath?: string
    readonly host?: string
    readonly port?: number
    readonly headers?: { readonly host: string }
  }
}

/**
 * Reads `unix:///path`, `tcp://host:port`, `http://…` or `https://…`. With a folder of certificates, `tcp:` is TLS.
 * Errors: `DOCKER_URL_INVALID`; `DOCKER_TLS_FAILED` if a file of that folder cannot be read.
 */
export function readEngineAddress(url: string, certPath: string | undefined): EngineAddress {
  const pool = { keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_IDLE }
  if (url.startsWith('unix://')) {
    const socketPath = url.slice('unix://'.length)
    if (!socketPath.startsWith('/'))
      throw new DockerError('DOCKER_URL_INVALID', url, 'the path must be absolute')
    return {
      request: http.request,
      agent: new http.Agent(pool),
      // A socket has no name; engines and their proxies take any.
      options: { socketPath, headers: { host: 'docker' } },
    }
  }
  const hasCertificates = certPath !== undefined && certPath !== ''
  const parsed = URL.parse(url.replace(/^tcp:/, hasCertificates ? 'https:' : 'http:'))
  if (!parsed || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '') {
    throw new DockerError('DOCKER_URL_INVALID', withoutUser(url), 'it is no address of an engine')
  }
  const isTls = parsed.protocol === 'https:'
  const options = {
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port: Number(parsed.port || (isTls ? 2376 : 2375)),
  }
  if (!isTls) return { request: http.request, agent: new http.Agent(pool), options }
  const certificates = hasCertificates ? readCertificates(certPath, url) : {}
  return { request: httpsRequest, agent: new HttpsAgent({ ...pool, ...certificates }), options }
}

function readCertificates(folder: string, url: string): { ca: Buffer; cert: Buffer; key: Buffer } {
  try {
    const read = (name: string): Buffer => readFileSync(join(folder, name))
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  } catch (error) {
    throw new DockerError('DOCKER_TLS_FAILED', url, `the certificates in ${folder} cannot be read`, error)
  }
}

/** The URL without user and password: a password must not reach a log. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//')
}
