import type { ClientRequest, IncomingMessage } from 'node:http'
import { DockerError, toDockerError } from './docker-error.ts'
import { type EngineAddress, readEngineAddress } from './engine-address.ts'
import { type JsonLine, readJsonLines } from './json-lines.ts'

/** Longest wait for a whole answer, in milliseconds: an engine under load lists thousands of containers within it. */
const ANSWER_TIMEOUT_MS = 15_000
/** Largest list, in bytes: some ten thousand containers of 4 KiB. */
const MAX_LIST_BYTES = 64 * 1024 * 1024
/** Largest answer about one container or the engine, in bytes: environment and labels may hold files. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Longest event, in characters: it repeats all labels of a container. */
const MAX_EVENT_LENGTH = 1024 * 1024
/** The oldest API with the needed features: exposed ports, health and filters of events are in 1.30 (Docker 17.06). */
const MIN_API = [1, 30] as const

/** Paths whose answer does not depend on a container. Each is read with GET; unversioned, so that any engine knows it. */
type EnginePath = '/_ping' | '/version' | '/info' | '/networks' | '/containers/json?all=1'

/** Name and versions of an engine. */
interface EngineVersion {
  readonly version: string
  readonly apiVersion: string
}

/**
 * Reads from a Docker engine, or from another that speaks its API such as podman, over a Unix socket, TCP or TLS.
 * There is no way to send anything but GET, to any other path, or with a body.
 */
export interface DockerClient {
  /** Such as `unix:///var/run/docker.sock`. */
  readonly url: string
  /** Errors: {@link DockerError}. */
  get(path: EnginePath): Promise<unknown>
  /** `/containers/{id}/json`. Errors: {@link DockerError}, `DOCKER_NOT_FOUND` for one that is gone. */
  inspect(id: string): Promise<unknown>
  /** `/images/{id}/json`. Errors: {@link DockerError}, `DOCKER_NOT_FOUND` for one that is gone. */
  inspectImage(id: string): Promise<unknown>
  /**
   * Subscribes to events; settles once the engine has begun to answer. The stream ends with an error when the engine
   * ends it or the signal aborts. Errors: {@link DockerError}.
   */
  openEvents(filters: EventFilters, signal: AbortSignal): Promise<AsyncIterable<JsonLine>>
  /** Ends all requests under way and closes the connections. */
  close(): void
}

/** Settings of a client. */
interface DockerClientOptions {
  /** Longest wait for a whole answer, in milliseconds. */
  readonly answerTimeoutMs?: number
}

/** Filters of `/events`: each name with the values of which one must match. */
type EventFilters = Readonly<Record<string, readonly string[]>>

/**
 * Creates the client of an engine, without sending a request. `certPath` is a folder with `ca.pem`, `cert.pem` and
 * `key.pem` (`DOCKER_CERT_PATH`). Errors: `DOCKER_URL_INVALID`, `DOCKER_TLS_FAILED`.
 */
export function createDockerClient(
  url: string,
  certPath: string | undefined,
  { answerTimeoutMs = ANSWER_TIMEOUT_MS }: DockerClientOptions = {},
): DockerClient {
  const engine: Engine = {
    url,
    address: readEngineAddress(url, certPath),
    answerTimeoutMs,
    underWay: new Set(),
  }
  return {
    url,
    async get(path) {
      const maxBytes =
        path === '/containers/json?all=1' || path === '/networks' ? MAX_LIST_BYTES : MAX_ANSWER_BYTES
      const text = await fetchText(engine, path, maxBytes)
      return path === '/_ping' ? text : parseAnswer(text, path, url)
    },
    async inspect(id) {
      const path = `/containers/${checkId(id, url)}/json`
      return parseAnswer(await fetchText(engine, path, MAX_ANSWER_BYTES), path, url)
    },
    async inspectImage(id) {
      const path = `/images/${checkImageId(id, url)}/json`
      return parseAnswer(await fetchText(engine, path, MAX_ANSWER_BYTES), path, url)
    },
    async openEvents(filters, signal) {
      const query = new URLSearchParams({ filters: JSON.stringify(filters) })
      // The stream lasts for weeks: a connection of its own, outside of the pool.
      const answer = await send(engine, `/events?${query}`, { signal, isPooled: false })
      return readEvents(answer, url)
    },
    close() {
      for (const request of engine.underWay) request.destroy()
      engine.address.agent.destroy()
    },
  }
}

/**
 * Reads the engine's name and version. Errors: {@link DockerError}; `DOCKER_ANSWER_INVALID` if it is no engine,
 * `DOCKER_TOO_OLD`.
 */
export async function readEngineVersion(client: DockerClient): Promise<EngineVersion> {
  const answer = await client.get('/version')
  const { Version, ApiVersion, MinAPIVersion } = (answer ?? {}) as Record<string, unknown>
  const api = parseApiVersion(ApiVersion)
  if (!api || (MinAPIVersion !== undefined && !parseApiVersion(MinAPIVersion))) {
    throw new DockerError('DOCKER_ANSWER_INVALID', client.url, 'its /version is not that of an engine')
  }
  const [major, minor] = api
  if (major < MIN_API[0] || (major === MIN_API[0] && minor < MIN_API[1])) {
    throw new DockerError(
      'DOCKER_TOO_OLD',
      client.url,
      `its API ${major}.${minor} is older than ${MIN_API.join('.')}`,
    )
  }
  return { version: String(Version ?? 'unknown').slice(0, 60), apiVersion: api.join('.') }
}

function parseApiVersion(value: unknown): readonly [major: number, minor: number] | undefined {
  const [, major, minor] = typeof value === 'string' ? (/^(\d{1,3})\.(\d{1,4})$/.exec(value) ?? []) : []
  return major === undefined ? undefined : [Number(major), Number(minor)]
}

interface Engine {
  readonly url: string
  readonly address: EngineAddress
  readonly answerTimeoutMs: number
  readonly underWay: Set<ClientRequest>
}

/** Checks an id from the engine; a malformed one must not become another path. */
function checkId(id: string, url: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(id)) return id
  throw new DockerError('DOCKER_ANSWER_INVALID', url, 'it named a container by an invalid id')
}

/** The same for an image, which podman names without the algorithm. */
function checkImageId(id: string, url: string): string {
  if (/^(?:sha256:)?[a-f0-9]{64}$/.test(id)) return id
  throw new DockerError('DOCKER_ANSWER_INVALID', url, 'it named an image by an invalid id')
}

async function fetchText(engine: Engine, path: string, maxBytes: number): Promise<string> {
  const signal = AbortSignal.timeout(engine.answerTimeoutMs)
  try {
    const answer = await send(engine, path, { signal, isPooled: true })
    return await readAll(answer, maxBytes, engine.url)
  } catch (error) {
    // A body that stops half-way is destroyed with the timeout as its reason.
    throw toDockerError(signal.aborted ? signal.reason : error, engine.url)
  }
}

interface SendOptions {
  readonly signal: AbortSignal
  readonly isPooled: boolean
}

function send(engine: Engine, path: string, options: SendOptions, isRetry = false): Promise<IncomingMessage> {
  const { address, url } = engine
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = address.request({
    ...address.options,
    path,
    method: 'GET',
    agent: options.isPooled && !isRetry ? address.agent : false,
    signal: options.signal,
  })
  engine.underWay.add(request)
  request.once('close', () => engine.underWay.delete(request))
  request.once('error', (error: Error & { code?: string }) => {
    // The engine, or a proxy before it, closed an idle connection just then: a GET may be repeated.
    const wasStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    if (wasStale && !isRetry) send(engine, path, options, true).then(resolve, reject)
    else reject(toDockerError(error, url))
  })
  request.once('response', (answer) => {
    if (answer.statusCode === 200) return resolve(answer)
    answer.resume()
    // An answer that is no longer read may fail, too.
    answer.on('error', () => {})
    reject(toStatusError(answer.statusCode ?? 0, path, url))
  })
  request.end()
  return promise
}

function toStatusError(status: number, path: string, url: string): DockerError {
  const reason = `it answered ${status} to GET ${path.split('?', 1)[0]}`
  if (status === 401 || status === 403) return new DockerError('DOCKER_FORBIDDEN', url, reason)
  if (status === 404 && /^\/(?:containers|images)\//.test(path))
    return new DockerError('DOCKER_NOT_FOUND', url, reason)
  if (status >= 500) return new DockerError('DOCKER_GONE', url, reason)
  return new DockerError('DOCKER_ANSWER_INVALID', url, reason)
}

async function readAll(answer: IncomingMessage, maxBytes: number, url: string): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) {
      throw new DockerError('DOCKER_ANSWER_INVALID', url, `its answer is longer than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseAnswer(text: string, path: string, url: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new DockerError('DOCKER_ANSWER_INVALID', url, `its answer to GET ${path} is no JSON`, error)
  }
}

async function* readEvents(answer: IncomingMessage, url: string): AsyncGenerator<JsonLine> {
  answer.setEncoding('utf8')
  try {
    yield* readJsonLines(answer as AsyncIterable<string>, MAX_EVENT_LENGTH)
  } catch (error) {
    throw toDockerError(error, url)
  }
  throw new DockerError('DOCKER_GONE', url, 'it ended the stream of events')
}
