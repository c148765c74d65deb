import { fileURLToPath } from 'node:url'
import { run } from './command.ts'
import { readEndedChildrenCpuS } from './process-usage.ts'
import { timed } from './timed.ts'

/** Connections with a request at once. */
const CONNECTIONS = 32
/** wrk's own threads: one is faster than any server here; `client busy %` shows it. */
const THREADS = 1
/** Longest wait for an answer, in seconds: a bcrypt of cost 10 by 32 connections on two cores takes many. */
const TIMEOUT_S = 20

/** A load on one URL. */
export interface Load {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly seconds: number
  /** The server's processes. */
  readonly roots: readonly number[]
}

/**
 * Requests one URL again and again and returns the figures: rate, latency, processor time. Each connection waits for an
 * answer before its next request, so latencies are those of 32 clients in a closed loop. Errors: any answer that is not
 * 2xx or 3xx, any broken connection.
 */
export async function loadUrl({ url, headers, seconds, roots }: Load): Promise<Record<string, number>> {
  const flags = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`])
  const script = fileURLToPath(new URL('wrk-report.lua', import.meta.url))
  const settings = ['--threads', THREADS, '--connections', CONNECTIONS, '--timeout', TIMEOUT_S]
  const args = [...settings, '--duration', seconds, '--script', script, ...flags, url].map(String)
  const clientBefore = readEndedChildrenCpuS()
  let output = ''
  const cost = await timed(roots, async () => {
    output = await run('wrk', args)
  })
  const clientCpuS = readEndedChildrenCpuS() - clientBefore
  const { requests, durationUs, failed, refused, p50Us, p99Us } = parseReport(output)
  if (failed + refused > 0) {
    throw new Error(`of ${requests} requests to ${url}, ${failed} broke and ${refused} were refused`)
  }
  return {
    'requests/s': requests / (durationUs / 1e6),
    'p50 ms': p50Us / 1e3,
    'p99 ms': p99Us / 1e3,
    'CPU ms/request': (cost.cpuS * 1e3) / requests,
    'client busy %': (100 * clientCpuS) / cost.seconds,
    'others busy %': cost.othersBusyPercent,
  }
}

interface WrkReport {
  readonly requests: number
  readonly durationUs: number
  readonly failed: number
  readonly refused: number
  readonly p50Us: number
  readonly p99Us: number
}

function parseReport(output: string): WrkReport {
  const line = output.split('\n').find((text) => text.startsWith('{"requests"'))
  if (line === undefined) throw new Error(`wrk printed no report: ${output}`)
  return JSON.parse(line)
}
