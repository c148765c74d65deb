import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { isAlive, listChildren, startWorkers } from './worker-site.ts'

const REQUESTS = 40
/** Longest time of a scrape while a worker hangs, in ms: that of the wait for it, with some for a busy machine. */
const SCRAPED_WITHIN_MS = 5_000
/** Longer than a scrape is reused, in ms. */
const FRESH_MS = 1_100

async function scrape(port: number): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, FRESH_MS))
  const startedAt = performance.now()
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  const text = await response.text()
  assert.equal(response.status, 200, text)
  assert.ok(performance.now() - startedAt < SCRAPED_WITHIN_MS)
  return text
}

function readValue(text: string, series: string): number {
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1),
  )
}

const LIVEZ = 'berth_requests_total{route="livez",status="2xx",repository="none"}'

test('one scrape has the sums of all workers; one that hangs or ends takes nothing from them', async () => {
  await using folder = await makeTempFolder('worker-metrics')
  const [port, metricsPort] = [await findFreePort(), await findFreePort()]
  const site = { dataDir: join(folder.path, 'data'), port, logFile: join(folder.path, 'berth.log') }
  await using server = await startWorkers(site, ['--listen-metrics', String(metricsPort)])
  const before = await scrape(metricsPort)
  const first = readValue(before, LIVEZ) || 0
  for (let turn = 0; turn < REQUESTS; turn++)
    await fetch(`http://127.0.0.1:${port}/livez`, { headers: { connection: 'close' } })
  const counted = await scrape(metricsPort)
  assert.equal(readValue(counted, LIVEZ), first + REQUESTS)
  assert.equal(readValue(counted, 'berth_workers{state="serving"}'), 2)
  assert.equal(readValue(counted, 'berth_processes{role="worker"}'), 2)
  assert.equal(readValue(counted, 'berth_processes{role="primary"}'), 1)
  assert.equal(readValue(counted, 'berth_upload_sessions'), 0)

  const [victim = assert.fail('no worker')] = await listChildren(server.pid)
  process.kill(victim, 'SIGSTOP')
  const hung = await scrape(metricsPort)
  assert.equal(readValue(hung, 'berth_workers{state="silent"}'), 1)
  assert.equal(readValue(hung, LIVEZ), first + REQUESTS)

  process.kill(victim, 'SIGKILL')
  await until(async () => !(await isAlive(victim)))
  await until(async () => readValue(await scrape(metricsPort), 'berth_workers{state="serving"}') === 2)
  const ended = await scrape(metricsPort)
  assert.equal(readValue(ended, LIVEZ), first + REQUESTS)
  assert.equal(readValue(ended, 'berth_workers_ended_total'), 1)
})

test('each worker has the sums of all for the holder of the token', async () => {
  await using folder = await makeTempFolder('worker-metrics')
  const port = await findFreePort()
  const [token, tokenFile] = ['t'.repeat(40), join(folder.path, 'token')]
  await writeFile(tokenFile, token)
  const site = { dataDir: join(folder.path, 'data'), port, logFile: join(folder.path, 'berth.log') }
  await using server = await startWorkers(site, ['--monitoring-token-file', tokenFile])
  const ask = (path: string, given: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: { connection: 'close', authorization: `Bearer ${given}` },
    })
  const read = async (): Promise<string> => {
    await new Promise((resolve) => setTimeout(resolve, FRESH_MS))
    const response = await ask('/metrics', token)
    const text = await response.text()
    assert.equal(response.status, 200, text)
    return text
  }
  const first = readValue(await read(), LIVEZ) || 0
  for (let turn = 0; turn < REQUESTS; turn++) await ask('/livez', token)
  // Connections are given to the workers in turn.
  for (let turn = 0; turn < 4; turn++) {
    const text = await read()
    assert.equal(readValue(text, LIVEZ), first + REQUESTS)
    assert.equal(readValue(text, 'berth_processes{role="worker"}'), 2)
    assert.equal((await ask('/metrics', 'wrong')).status, 401)
    const checks = ((await (await ask('/readyz', token)).json()) as { checks: unknown[] }).checks
    assert.equal(checks.length, 6)
  }
  const [victim = assert.fail('no worker')] = await listChildren(server.pid)
  process.kill(victim, 'SIGKILL')
  await until(async () => !(await isAlive(victim)))
  await until(async () => readValue(await read(), 'berth_workers{state="serving"}') === 2)
  assert.equal(readValue(await read(), LIVEZ), first + REQUESTS)
})
