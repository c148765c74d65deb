import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { run } from '../command.ts'
import { readUsage } from '../process-usage.ts'
import {
  type BenchProxy,
  startCaddy,
  startFrontDoor,
  startNginxProxy,
  startOrigin,
} from '../servers/start-proxies.ts'
import { inOrderOfRound, timed, transferFigures } from '../timed.ts'
import { loadUrl } from '../wrk.ts'
import type { WorkContext } from './work-context.ts'

/** The proxies as tables and bars name them. */
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
export const SOCKETS_WORK = 'proxy, idle WebSockets'
/** Handshakes at once while the WebSockets are opened. */
const OPENING = 64

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
  await measureSockets(context)
}

async function download({ url, pid }: BenchProxy, bytes: number): Promise<Record<string, number>> {
  const cost = await timed([pid], () =>
    run('curl', ['--silent', '--insecure', '--fail', '--output', '/dev/null', `${url}/large`]),
  )
  return transferFigures(bytes, cost)
}

/** Opens WebSockets through the front door, leaves them alone, and reads its memory. */
async function measureSockets({ workspace, options, record }: WorkContext): Promise<void> {
  const count = Math.min(options.sizes.idleSockets, await countAffordable())
  await using resources = new AsyncDisposableStack()
  const echo = spawn(process.execPath, [fileURLToPath(new URL('../servers/echo-server.ts', import.meta.url))])
  resources.defer(() => void echo.kill())
  const [line] = (await once(echo.stdout, 'data')) as [Buffer]
  const originPort = Number(String(line).trim())
  const door = resources.use(await startFrontDoor(workspace, PROXIES.berth, { originPort, hosts: 1 }))
  await sleep(1_000)
  const idle = readUsage([door.pid]).rssBytes
  const sockets: WebSocket[] = []
  resources.defer(() => {
    for (const socket of sockets) socket.terminate()
  })
  while (sockets.length < count) {
    const opening = Array.from({ length: Math.min(OPENING, count - sockets.length) }, () =>
      openSocket(door.url),
    )
    sockets.push(...(await Promise.all(opening)))
  }
  await sleep(2_000)
  const rss = readUsage([door.pid]).rssBytes
  const figures = { sockets: count, 'RSS MB': rss / 1e6, 'KB/socket': (rss - idle) / 1e3 / count }
  record({ work: SOCKETS_WORK, server: PROXIES.berth, round: 0, figures })
}

/** Each WebSocket takes two files of the front door; some are needed for all else. */
async function countAffordable(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8')
  const [, files = '1024'] = /^Max open files +\d+ +(\d+)/m.exec(limits) ?? []
  return Math.floor((Number(files) - 500) / 2)
}

async function openSocket(url: string): Promise<WebSocket> {
  const settings = { rejectUnauthorized: false, perMessageDeflate: false }
  const socket = new WebSocket(url.replace(/^https/, 'wss'), settings)
  await once(socket, 'open')
  return socket
}
