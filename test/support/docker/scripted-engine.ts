import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { makeTempFolder } from '../machine/temp-folder.ts'

/** A scripted container, in terms of `/containers/{id}/json`. */
interface ScriptedContainer {
  readonly name: string
  readonly env?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly state?: 'running' | 'paused' | 'exited' | 'created'
  readonly networks?: Readonly<Record<string, unknown>>
  /** Name of its image as it was given; by default the container's own. */
  readonly image?: string
  /** Names with digests of that image. */
  readonly repoDigests?: readonly string[]
  /** The manifest that it was made of, as newer engines give it. */
  readonly manifest?: string
}

/** A server on a Unix socket that speaks as much of the Engine API as Berth reads. */
export interface ScriptedEngine extends AsyncDisposable {
  readonly url: string
  /** Containers by id. A change shows in the next answer; {@link emit} sends its event. */
  readonly containers: Map<string, ScriptedContainer>
  readonly networks: unknown[]
  /** Method and path of each request so far. */
  readonly requests: string[]
  /** Answers a request in place of the engine, if it answers true. */
  script: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  /** Streams of events that are open. */
  readonly streams: ReadonlySet<ServerResponse>
  /** Sends an event of a container to all streams. */
  emit(action: string, id: string): void
  /** Writes bytes into all streams as they are. */
  emitRaw(text: string): void
  /** Settles with the next stream of events that is opened. */
  nextStream(): Promise<void>
  /** Closes all connections and the socket, as an engine that ends. */
  stop(): Promise<void>
  /** Listens again at the same place. */
  start(): Promise<void>
}

/** Starts one. */
export async function startScriptedEngine(): Promise<ScriptedEngine> {
  const folder = await makeTempFolder('engine')
  const socket = join(folder.path, 'docker.sock')
  const streams = new Set<ServerResponse>()
  let waiting: (() => void)[] = []
  const server = createServer((request, response) => {
    engine.requests.push(`${request.method} ${decodeURIComponent(request.url ?? '')}`)
    if (engine.script?.(request, response)) return
    if (request.url?.startsWith('/events')) {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      streams.add(response)
      response.on('close', () => streams.delete(response))
      for (const sendEvent of waiting) sendEvent()
      waiting = []
      return
    }
    const { status, body } = answer(request.url ?? '', engine)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const engine: ScriptedEngine = {
    url: `unix://${socket}`,
    containers: new Map(),
    networks: [],
    requests: [],
    script: undefined,
    streams,
    emit(action, id) {
      engine.emitRaw(`${JSON.stringify({ Type: 'container', Action: action, Actor: { ID: id } })}\n`)
    },
    emitRaw(text) {
      for (const stream of streams) stream.write(text)
    },
    nextStream() {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      return promise
    },
    async start() {
      server.listen(socket)
      await once(server, 'listening')
    },
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
    async [Symbol.asyncDispose]() {
      if (server.listening) await engine.stop()
      await folder[Symbol.asyncDispose]()
    },
  }
  await engine.start()
  return engine
}

/** The container id of a number. */
export function formatId(number: number): string {
  return number.toString(16).padStart(64, 'c')
}

/** The id of the image of a name. */
export function formatImageId(name: string): string {
  return `sha256:${createHash('sha256').update(name).digest('hex')}`
}

/** The answer to `/containers/{id}/json`, as Docker gives it. */
function inspectAnswer(id: string, container: ScriptedContainer): unknown {
  const { name, env = [], labels = {}, state = 'running', networks = {} } = container
  return {
    Id: id,
    Name: `/${name}`,
    Created: '2024-05-01T10:00:00.123456789Z',
    State: {
      Status: state,
      Running: state === 'running' || state === 'paused',
      Paused: state === 'paused',
      ExitCode: 0,
    },
    Config: { Env: env, Labels: labels, ExposedPorts: { '8080/tcp': {} } },
    HostConfig: { NetworkMode: 'web' },
    NetworkSettings: { Ports: {}, Networks: networks },
  }
}

function answer(url: string, { containers, networks }: ScriptedEngine): { status: number; body: unknown } {
  if (url === '/version')
    return { status: 200, body: { Version: '99.1', ApiVersion: '1.47', MinAPIVersion: '1.24' } }
  if (url === '/networks') return { status: 200, body: networks }
  if (url === '/containers/json?all=1') {
    const list = [...containers].map(([Id, container]) => {
      const { name, state = 'running', networks: Networks = {}, image = name, manifest } = container
      return {
        Id,
        Names: [`/${name}`],
        Image: image,
        ImageID: formatImageId(image),
        ...(manifest === undefined ? {} : { ImageManifestDescriptor: { digest: manifest } }),
        State: state,
        Status: 'Up 3 minutes',
        NetworkSettings: { Networks },
      }
    })
    return { status: 200, body: list }
  }
  if (url === '/info') return { status: 200, body: { ID: 'engine-1', Name: 'docker.example' } }
  const image = /^\/images\/([^/]+)\/json$/.exec(url)?.[1]
  if (image !== undefined) return answerImage(image, containers)
  const id = /^\/containers\/([^/]+)\/json$/.exec(url)?.[1] ?? ''
  const container = containers.get(id)
  if (container) return { status: 200, body: inspectAnswer(id, container) }
  return { status: 404, body: { message: `No such container: ${id}` } }
}

function answerImage(
  id: string,
  containers: ScriptedEngine['containers'],
): { status: number; body: unknown } {
  for (const { name, image = name, repoDigests = [] } of containers.values()) {
    if (formatImageId(image) === id) return { status: 200, body: { Id: id, RepoDigests: repoDigests } }
  }
  return { status: 404, body: { message: `No such image: ${id}` } }
}
