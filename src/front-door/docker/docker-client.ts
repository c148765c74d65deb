import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { DockerError } from './docker-error.ts'

/** Longest wait for an answer, in milliseconds: an engine under load lists a thousand containers within it. */
const ANSWER_TIMEOUT_MS = 15_000
/** Largest answer, in bytes: a list of some ten thousand containers. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** Longest event, in characters. */
const MAX_EVENT_LENGTH = 1024 * 1024

/** What may be asked: nothing that changes anything. */
type ReadPath =
  | '/_ping'
  | '/version'
  | '/networks'
  | `/containers/json?${string}`
  | `/containers/${string}/json`
  | `/events?${string}`

/**
 * Reads from a Docker engine, or another that speaks its API, over a Unix socket, TCP or TLS. It can only GET, and only
 * these paths: whoever takes this process over has no more of the engine by it.
 */
export interface DockerClient {
  /** Such as `unix:///var/run/docker.sock`. */
  readonly url: string
  /** Errors: {@link DockerError}. */
  get(path: Exclude<ReadPath, `/events?${string}`>): Promise<unknown>
  /** The events as they come, until the signal aborts. Errors: {@link DockerError}, also when the engine ends. */
  events(filters: Readonly<Record<string, readonly string[]>>, signal: AbortSignal): AsyncGenerator<unknown>
}

/** Creates the client of an engine. Reads the certificates of `DOCKER_CERT_PATH` for TLS. Errors: {@link DockerError}. */
export function createDockerClient(url: string, certPath: string | undefined): DockerClient {
  const target = targetOf(url, certPath)
  return {
    url,
    async get(path) {
      const answer = await ask(target, path, AbortSignal.timeout(ANSWER_TIMEOUT_MS), url)
      return parseJson(await readAll(answer), path)
    },
    async *events(filters, signal) {
      const query = new URLSearchParams({ filters: JSON.stringify(filters) })
      const answer = await ask(target, `/events?${query}`, signal, url)
      answer.setEncoding('utf8')
      let rest = ''
      try {
        for await (const chunk of answer) {
          rest += chunk as string
          const lines = rest.split('\n')
          rest = lines.pop() ?? ''
          if (rest.length > MAX_EVENT_LENGTH)
            throw new DockerError('DOCKER_ANSWER_INVALID', url, 'an event is too long')
          for (const line of lines) if (line.trim() !== '') yield parseJson(line, '/events')
        }
      } catch (error) {
        if (error instanceof DockerError) throw error
        throw new DockerError('DOCKER_GONE', url, reasonOf(error), error)
      }
      throw new DockerError('DOCKER_GONE', url, 'it ended the connection')
    },
  }
}

interface Target {
  readonly isTls: boolean
  readonly options: RequestOptions & { ca?: Buffer; cert?: Buffer; key?: Buffer }
}

function targetOf(url: string, certPath: string | undefined): Target {
  if (url.startsWith('unix://')) return { isTls: false, options: { socketPath: url.slice('unix://'.length) } }
  const parsed = URL.parse(url.replace(/^tcp:/, certPath === undefined ? 'http:' : 'https:'))
  if (!parsed) throw new DockerError('DOCKER_URL_INVALID', url, 'it is no URL')
  const isTls = parsed.protocol === 'https:'
  const host = parsed.hostname.replace(/^\[|\]$/g, '')
  const options = { host, port: Number(parsed.port || (isTls ? 2376 : 2375)) }
  return {
    isTls,
    options: isTls && certPath !== undefined ? { ...options, ...readCertificates(certPath, url) } : options,
  }
}

function readCertificates(folder: string, url: string): { ca: Buffer; cert: Buffer; key: Buffer } {
  try {
    const read = (name: string): Buffer => readFileSync(join(folder, name))
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  } catch (error) {
    throw new DockerError('DOCKER_URL_INVALID', url, `the certificates in ${folder} cannot be read`, error)
  }
}

function ask(target: Target, path: ReadPath, signal: AbortSignal, url: string): Promise<IncomingMessage> {
  const send = target.isTls ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send({
      ...target.options,
      path,
      method: 'GET',
      agent: false,
      signal,
      headers: { host: 'docker' },
    })
    request.once('error', (error) => reject(toDockerError(error, url)))
    request.once('response', (answer) => {
      if (answer.statusCode === 200) return resolve(answer)
      answer.resume()
      const status = answer.statusCode ?? 0
      const isDenied = status === 401 || status === 403
      reject(
        new DockerError(
          isDenied ? 'DOCKER_DENIED' : 'DOCKER_ANSWER_INVALID',
          url,
          `it answered ${status} to ${path.split('?', 1)[0]}`,
        ),
      )
    })
    request.end()
  })
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    length += (chunk as Buffer).length
    if (length > MAX_ANSWER_BYTES)
      throw new DockerError('DOCKER_ANSWER_INVALID', '', 'its answer is too long')
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string, path: string): unknown {
  if (path === '/_ping') return text
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new DockerError('DOCKER_ANSWER_INVALID', '', `its answer to ${path} is no JSON`, error)
  }
}

function toDockerError(error: Error & { code?: string }, url: string): DockerError {
  switch (error.code) {
    case 'ENOENT':
      return new DockerError('DOCKER_MISSING', url, 'there is no such socket', error)
    case 'EACCES':
    case 'EPERM':
      return new DockerError('DOCKER_DENIED', url, 'this user may not open it', error)
    case 'HPE_INVALID_CONSTANT':
      return new DockerError('DOCKER_ANSWER_INVALID', url, 'what answers there does not speak HTTP', error)
    default:
      return new DockerError('DOCKER_GONE', url, reasonOf(error), error)
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'it does not answer'
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
