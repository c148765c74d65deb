import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../support/machine/free-port.ts'
import { type BootedBerth, bootBerth } from '../support/program/boot-berth.ts'

/** Most memory that metrics may take of a server at rest. */
const BAR_MB = 3
/** Starts of either kind, of which the median counts: single ones differ by several MB. */
const STARTS = 7
/** Time after the start in which memory settles, in ms. */
const SETTLE_MS = 1_500

/** Memory of a server at rest of its own, in MB, without the pages of files that other processes share. */
async function readOwnMemory({ pid }: BootedBerth): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  const read = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(text)?.[1])
  return (read('Private_Clean') + read('Private_Dirty')) / 1024
}

async function measure(flags: readonly string[], scrapeUrl?: string): Promise<number> {
  await using berth = await bootBerth({ users: [], flags })
  assert.equal((await fetch(`${berth.url}/readyz`)).status, 200)
  if (scrapeUrl !== undefined) assert.equal((await fetch(scrapeUrl)).status, 200)
  await sleep(SETTLE_MS)
  return readOwnMemory(berth)
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}

test(`a server at rest takes less than ${BAR_MB} MB more with metrics on, after a scrape`, async (t) => {
  const port = await findFreePort()
  const [without, withMetrics]: [number[], number[]] = [[], []]
  for (let start = 0; start < STARTS; start++) {
    without.push(await measure([]))
    withMetrics.push(await measure(['--listen-metrics', String(port)], `http://127.0.0.1:${port}/metrics`))
  }
  const grown = medianOf(withMetrics) - medianOf(without)
  t.diagnostic(
    `off ${medianOf(without).toFixed(1)} MB, on ${medianOf(withMetrics).toFixed(1)} MB: ${grown.toFixed(1)} MB`,
  )
  assert.ok(grown < BAR_MB, `${grown.toFixed(1)} MB more\noff ${without}\non ${withMetrics}`)
})
