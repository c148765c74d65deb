import { run } from '../command.ts'
import {
  type BenchProxy,
  startCaddy,
  startFrontDoor,
  startNginxProxy,
  startOrigin,
} from '../servers/start-proxies.ts'
import { inOrderOfRound, timed, transferFigures } from '../timed.ts'
import { loadUrl } from '../wrk.ts'
import { measureIdleSockets } from './idle-sockets.ts'
import type { WorkContext } from './work-context.ts'

/** The proxies' names in tables and bars. */
export const PROXIES = {
  berth: 'Berth',
  workers: 'Berth, workers',
  nginx: 'nginx',
  caddy: 'Caddy',
} as const
export const SMALL_WORK = 'proxy, small answers, 32 connections, TLS'
export const LARGE_WORK = 'proxy, a large answer, TLS'
/** Hosts in the table of the server that is compared with one of a single host. */
export const MANY_HOSTS = 'Berth, 1,000 hosts'

/** The front door beside nginx and Caddy, all before the same nginx. */
export async function measureProxy(context: WorkContext): Promise<void> {
  const { workspace, options, record } = context
  const { sizes } = options
  await using resources = new AsyncDisposableStack()
  const origin = resources.use(await startOrigin(workspace, sizes.blobBytes))
  const originPort = Number(new URL(origin.url).port)
  const proxies = [
    resources.use(await startFrontDoor(workspace, PROXIES.berth, { originPort, hosts: 1 })),
    resources.use(
      await startFrontDoor(workspace, PROXIES.workers, { originPort, hosts: 1, hasWorkers: true }),
    ),
    resources.use(await startFrontDoor(workspace, MANY_HOSTS, { originPort, hosts: 1_000 })),
    resources.use(await startNginxProxy(workspace, PROXIES.nginx, originPort)),
    resources.use(await startCaddy(workspace, PROXIES.caddy, originPort)),
  ]
  for (let round = 0; round < options.rounds; round += 1) {
    for (const proxy of inOrderOfRound(proxies, round)) {
      const load = { url: `${proxy.url}/small`, headers: {}, roots: [proxy.pid] }
      if (sizes.warmUpS > 0) await loadUrl({ ...load, seconds: sizes.warmUpS })
      const figures = await loadUrl({ ...load, seconds: sizes.loadS })
      record({ work: SMALL_WORK, server: proxy.name, round, figures })
      if (proxy.name !== MANY_HOSTS) {
        record({
          work: LARGE_WORK,
          server: proxy.name,
          round,
          figures: await download(proxy, sizes.blobBytes),
        })
      }
    }
  }
  await measureIdleSockets(context)
}

async function download({ url, pid }: BenchProxy, bytes: number): Promise<Record<string, number>> {
  const cost = await timed([pid], () =>
    run('curl', ['--http1.1', '--silent', '--insecure', '--fail', '--output', '/dev/null', `${url}/large`]),
  )
  return transferFigures(bytes, cost)
}
