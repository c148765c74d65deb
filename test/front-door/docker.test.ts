import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { declareContainers } from '../../src/front-door/docker/declare/container-sites.ts'
import { createDockerClient, readEngineVersion } from '../../src/front-door/docker/engine/docker-client.ts'
import { ContainerWatch } from '../../src/front-door/docker/watch-containers.ts'
import type { SiteDeclaration, UpstreamServer } from '../../src/front-door/sites/site-declaration.ts'
import { skipReason } from '../parts/find-parts.ts'
import { type DockerRoom, IMAGE, openDockerRoom } from '../support/docker/docker-room.ts'
import { slowness } from '../support/machine/cpu-time.ts'

/** Promised time for a change, in ms, on a machine that does little else. */
const WITHIN_MS = 1_000
/** Promised time for an event at {@link MANY} containers. */
const EVENT_WITHIN_MS = 300
const MANY = 200

describe('containers of a Docker engine', { skip: skipReason('docker', 'dockerd', 'busybox', 'ip') }, () => {
  let room: DockerRoom
  let watch: ContainerWatch
  let sites: readonly SiteDeclaration[] = []
  let state = ''
  let reports = 0
  let wake = Promise.withResolvers<void>()
  const docker = (...args: string[]): Promise<string> => room.docker(...args)

  before(async () => {
    room = await openDockerRoom()
    watch = new ContainerWatch({
      client: createDockerClient(room.url, undefined),
      logger: pino({ level: 'silent' }),
      ownTraces: { isContained: false, ids: [] },
      onState: (text) => {
        state = text
      },
      onContainers: (containers, place) => {
        reports++
        const defaults = {
          httpsMethod: 'redirect',
          nonGetRedirect: 308,
          httpWithoutCert: true,
          hsts: undefined,
          isDefaultTrusted: true,
          defaultHost: undefined,
          preferIpv6: false,
        } as const
        sites = declareContainers(containers, place, defaults)
        wake.resolve()
        wake = Promise.withResolvers()
      },
    })
  })
  after(async () => {
    await watch?.[Symbol.asyncDispose]()
    await room?.[Symbol.asyncDispose]()
  })

  /** Waits until a condition is true. @returns how long that took from now, in ms. */
  async function until(isSo: () => boolean, withinMs = WITHIN_MS): Promise<number> {
    const began = performance.now()
    while (!isSo()) {
      // A busy machine gets more: its load is read only when the time is over.
      const passedMs = performance.now() - began
      const leftMs = (passedMs < withinMs ? withinMs : withinMs * slowness()) - passedMs
      assert.ok(leftMs > 0, `not within ${withinMs} ms: ${JSON.stringify(sites)}`)
      await Promise.race([wake.promise, sleep(leftMs)])
    }
    return performance.now() - began
  }

  function findServers(host: string): readonly UpstreamServer[] | undefined {
    const target = sites.find((site) => site.host === host)?.paths[0]?.target
    return target?.kind === 'upstream' ? target.upstream.servers : undefined
  }

  const findAddress = (host: string): string | undefined => {
    const [server] = findServers(host) ?? []
    return server && (server.problem ?? `${server.host}:${server.port}`)
  }

  it('is reported as watched', async () => {
    await until(() => reports > 0, 5_000)
    assert.match(state, /^The Docker engine \d+\.\d+\S* at unix:\/\/\S+docker\.sock is watched$/)
  })

  it('become hosts within a second of their start, at an address that answers', async () => {
    const server = ['/bin/busybox', 'httpd', '-f', '-p', '8080', '-h', '/bin']
    await room.run('web1', ['-e', 'VIRTUAL_HOST=web1.example.com', '-e', 'VIRTUAL_PORT=8080'], server)
    await until(() => findServers('web1.example.com')?.length === 1)
    const [found] = findServers('web1.example.com') ?? []
    assert.match(`${found?.host}:${found?.port}`, /^10\.213\.7\.\d+:8080$/)
    assert.equal(await awaitStatus(found?.host ?? '', 8080), 404)
  })

  it('lose their server when they stop, and keep their host; a start brings it back', async () => {
    await docker('kill', 'web1')
    await until(() => findServers('web1.example.com')?.length === 0)
    const [site] = sites.filter(({ host }) => host === 'web1.example.com')
    assert.match(
      site?.warnings.join() ?? '',
      /web1 is stopped \(exit code 137, killed\)\. Start it with "docker start web1"/,
    )
    await docker('start', 'web1')
    await until(() => findServers('web1.example.com')?.length === 1)
  })

  it('are known by their new name', async () => {
    await docker('rename', 'web1', 'renamed')
    await until(() => findServers('web1.example.com')?.[0]?.name === 'renamed')
  })

  it('get nothing while they are paused', async () => {
    await docker('pause', 'renamed')
    await until(() => findServers('web1.example.com')?.length === 0)
    await docker('unpause', 'renamed')
    await until(() => findServers('web1.example.com')?.length === 1)
  })

  it('have a problem without a network, and the address of the next', async () => {
    await room.addNetwork('second', '10.213.8.0/24')
    await docker('network', 'disconnect', 'web', 'renamed')
    await until(() => findAddress('web1.example.com')?.includes('is in no network') === true)
    await docker('network', 'connect', 'second', 'renamed')
    await until(() => findAddress('web1.example.com')?.startsWith('10.213.8.') === true)
  })

  it('in the network of the host are reached on loopback', async () => {
    await docker(
      'run',
      '-d',
      '--name',
      'hosted',
      '--network',
      'host',
      '-e',
      'VIRTUAL_HOST=hosted.example.com',
      '-e',
      'VIRTUAL_PORT=9',
      IMAGE,
      '/bin/busybox',
      'sleep',
      '600',
    )
    await until(() => findAddress('hosted.example.com') === '127.0.0.1:9')
  })

  it('are as healthy as their check says', async () => {
    const check = ['--health-cmd', 'cat /ok', '--health-interval', '1s', '--health-retries', '1']
    await room.run('sick', [...check, '-e', 'VIRTUAL_HOST=sick.example.com'])
    const health = (): string | undefined => findServers('sick.example.com')?.[0]?.health
    await until(() => health() === 'starting')
    await until(() => health() === 'unhealthy', 10_000)
    await docker('exec', 'sick', '/bin/busybox', 'touch', '/ok')
    await until(() => health() === 'healthy', 10_000)
  })

  it('are gone when they are removed', async () => {
    await docker('rm', '-f', 'renamed', 'sick', 'hosted')
    await until(() => sites.length === 0)
  })

  it('that end by themselves are found stopped, with how they ended', async () => {
    await room.run('brief', ['-e', 'VIRTUAL_HOST=brief.example.com'], ['/bin/sh', '-c', 'exit 3'])
    await until(
      () =>
        sites
          .find(({ host }) => host === 'brief.example.com')
          ?.warnings.join()
          .includes('exit code 3') === true,
    )
    await docker('rm', 'brief')
    await until(() => sites.length === 0)
  })

  it('may come and go fifty at a time: the table is right at the end, and was not made for each event', async () => {
    const names = Array.from({ length: 50 }, (_none, index) => `many${index}`)
    for (const name of names) {
      await docker(
        'create',
        '--name',
        name,
        '--network',
        'web',
        '-e',
        `VIRTUAL_HOST=${name}.example.com`,
        IMAGE,
        '/bin/busybox',
        'sleep',
        '600',
      )
    }
    const before = reports
    await docker('start', ...names)
    await until(() => names.every((name) => findServers(`${name}.example.com`)?.length === 1), 2_000)
    await docker('kill', ...names.slice(0, 25))
    await docker('rm', '-f', ...names.slice(25))
    await until(
      () => sites.length === 25 && sites.every(({ host }) => findServers(host)?.length === 0),
      2_000,
    )
    assert.ok(reports - before < 150, `${reports - before} reports of 125 changes and their events`)
    await docker('rm', '-f', ...names.slice(0, 25))
    await until(() => sites.length === 0)
  })

  it(`reach the table in less than ${EVENT_WITHIN_MS} ms at ${MANY} containers`, async (context) => {
    const api = new EngineControl(room.url)
    const ids = await Promise.all(Array.from({ length: MANY }, (_none, index) => api.create(`full${index}`)))
    // A container that is only created is a host without a server already, once it is listed or has an event.
    for (const id of ids) await api.post(`/containers/${id}/rename?name=x${id.slice(0, 12)}`)
    await until(() => sites.length === MANY, 5_000)
    const tookMs: number[] = []
    let slowest = 1
    for (const [index, id] of ids.slice(0, 10).entries()) {
      const host = `full${index}.example.com`
      // From before the call to the engine: its own time for the start counts, too.
      const began = performance.now()
      const done = once(
        wakeOn(() => findServers(host)?.length === 1),
        'so',
      )
      await api.post(`/containers/${id}/start`)
      const startedAt = performance.now()
      await done
      tookMs.push(performance.now() - Math.max(began, startedAt))
      slowest = Math.max(slowest, slowness())
    }
    tookMs.sort((a, b) => a - b)
    const report = `after the start was done: median ${tookMs[5]?.toFixed(0)} ms, most ${tookMs.at(-1)?.toFixed(0)} ms`
    context.diagnostic(report)
    assert.ok((tookMs.at(-1) ?? 0) < EVENT_WITHIN_MS * slowest, report)
    await api.close()
  })

  it('are all there for one who comes late', async () => {
    let found = 0
    const { promise, resolve } = Promise.withResolvers<void>()
    const began = performance.now()
    await using _late = new ContainerWatch({
      client: createDockerClient(room.url, undefined),
      logger: pino({ level: 'silent' }),
      onState: () => {},
      onContainers: (containers) => {
        found = containers.length
        resolve()
      },
    })
    await promise
    assert.equal(found, MANY)
    const tookMs = performance.now() - began
    assert.ok(tookMs < 5_000 || tookMs < 5_000 * slowness())
  })

  it('are read from an engine whose answers the client knows', async () => {
    const client = createDockerClient(room.url, undefined)
    assert.equal(await client.get('/_ping'), 'OK')
    assert.match((await readEngineVersion(client)).apiVersion, /^1\.\d+$/)
    assert.equal(typeof ((await client.get('/info')) as { Containers?: unknown }).Containers, 'number')
    await assert.rejects(client.inspect('nobody'), { code: 'DOCKER_NOT_FOUND' })
    client.close()
  })

  /** Emits `so` once a condition is true, checked after each report about containers. */
  function wakeOn(isSo: () => boolean): EventTarget {
    const target = new EventTarget()
    const wait = async (): Promise<void> => {
      while (!isSo()) await wake.promise
      target.dispatchEvent(new Event('so'))
    }
    void wait()
    return target
  }
})

/** Changes containers by the API: two hundred `docker create` would take a minute. */
class EngineControl {
  readonly #socketPath: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 })

  constructor(url: string) {
    this.#socketPath = url.slice('unix://'.length)
  }

  async create(name: string): Promise<string> {
    const settings = {
      Image: IMAGE,
      Cmd: ['/bin/busybox', 'sleep', '600'],
      Env: [`VIRTUAL_HOST=${name}.example.com`],
      HostConfig: { NetworkMode: 'web' },
    }
    return (JSON.parse(await this.post(`/containers/create?name=${name}`, settings)) as { Id: string }).Id
  }

  async post(path: string, body?: unknown): Promise<string> {
    const sent = request({
      socketPath: this.#socketPath,
      agent: this.#agent,
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    })
    sent.end(body === undefined ? '' : JSON.stringify(body))
    const [answer] = (await once(sent, 'response')) as [AsyncIterable<Buffer> & { statusCode?: number }]
    let text = ''
    for await (const chunk of answer) text += chunk
    assert.ok((answer.statusCode ?? 0) < 300, `${path}: ${text}`)
    return text
  }

  close(): void {
    this.#agent.destroy()
  }
}

async function awaitStatus(host: string, port: number): Promise<number | undefined> {
  const deadline = Date.now() + 5_000
  for (;;) {
    try {
      const sent = request({ host, port, path: '/nothing' }).end()
      const [answer] = (await once(sent, 'response')) as [{ statusCode?: number; resume(): void }]
      answer.resume()
      return answer.statusCode
    } catch (error) {
      // Its server may begin to listen a little after the container runs.
      if (Date.now() > deadline) throw error
      await sleep(50)
    }
  }
}
