import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { WebSocket } from 'ws'
import { readUsage } from '../process-usage.ts'
import { type BenchProxy, startBareTls, startFrontDoor } from '../servers/start-proxies.ts'
import type { WorkContext } from './work-context.ts'

export const SOCKETS_WORK = 'idle WebSockets over TLS'
/** The servers' names in tables and bars. */
export const HOLDERS = { berth: 'Berth', bare: 'bare Node TLS' } as const
/** Handshakes at once while the WebSockets are opened. */
const OPENING = 64

/**
 * Opens WebSockets, leaves them idle, and reads the memory: of the front door, which has two connections for each, and
 * of a server of Node alone that only holds its one.
 */
export async function measureIdleSockets(context: WorkContext): Promise<void> {
  await using resources = new AsyncDisposableStack()
  const echo = spawn(process.execPath, [fileURLToPath(new URL('../servers/echo-server.ts', import.meta.url))])
  resources.defer(() => void echo.kill())
  const [line] = (await once(echo.stdout, 'data')) as [Buffer]
  const originPort = Number(String(line).trim())
  const { workspace } = context
  for (const start of [
    () => startFrontDoor(workspace, HOLDERS.berth, { originPort, hosts: 1 }),
    () => startBareTls(workspace, HOLDERS.bare),
  ]) {
    await using holder = await start()
    await measureHolder(context, holder)
  }
}

async function measureHolder({ options, record }: WorkContext, holder: BenchProxy): Promise<void> {
  const count = Math.min(options.sizes.idleSockets, await countAffordable())
  const sockets: WebSocket[] = []
  await sleep(1_000)
  const idle = readUsage([holder.pid]).rssBytes
  try {
    while (sockets.length < count) {
      const opening = Array.from({ length: Math.min(OPENING, count - sockets.length) }, () =>
        openSocket(holder.url),
      )
      sockets.push(...(await Promise.all(opening)))
    }
    await sleep(2_000)
    const rss = readUsage([holder.pid]).rssBytes
    const figures = { sockets: count, 'RSS MB': rss / 1e6, 'KB/socket': (rss - idle) / 1e3 / count }
    record({ work: SOCKETS_WORK, server: holder.name, round: 0, figures })
  } finally {
    for (const socket of sockets) socket.terminate()
  }
}

/** Each WebSocket takes two descriptors of the front door; some are needed for the rest. */
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
