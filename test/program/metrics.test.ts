import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { get } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { test } from 'node:test'
import { listMetrics } from '../../src/metrics/meter.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { postgresSkipReason, startPostgresServer } from '../support/database/postgres-server.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { type BootedBerth, bootBerth } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import { formatManifest, openSession, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const APP = 'alice/secretapp'
const CONFIG = Buffer.from('{}')
const LAYER = Buffer.from('a layer of some bytes')
/** Longer than figures are reused, in ms. */
const FRESH_MS = 5_200

/** Metrics without a value on a server of this test: no site, no certificate, no workers, no traces, nothing done yet. */
const ABSENT = new Set([
  'berth_webhook_attempts_total',
  'berth_site_requests_total',
  'berth_site_request_seconds_total',
  'berth_site_sent_bytes_total',
  'berth_upstream_failures_total',
  'berth_sites',
  'berth_site_servers',
  'berth_certificate_expiry_timestamp_seconds',
  'berth_workers',
  'berth_trace_spans_total',
  'berth_collection_last_round_timestamp_seconds',
  'berth_scrub_last_end_timestamp_seconds',
  'berth_retention_last_run_timestamp_seconds',
  'berth_retention_failed',
  'berth_backup_last_success_timestamp_seconds',
])

async function scrape(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  return response.text()
}

/** The value of a series, written with its labels. */
function readValue(text: string, series: string): number {
  const line =
    text.split('\n').find((each) => each.startsWith(`${series} `)) ?? assert.fail(`no ${series}\n${text}`)
  return Number(line.slice(series.length + 1))
}

async function pushSome(berth: BootedBerth): Promise<void> {
  await using http = new RawClient(berth.port, { authorization: berth.authorization('alice') })
  await pushBlob(http, APP, CONFIG)
  await pushBlob(http, APP, LAYER)
  const manifest = formatManifest([CONFIG, LAYER])
  assert.equal(await putManifest(http, { repository: APP, reference: 'secrettag' }, manifest), 201)
  for (let turn = 0; turn < 3; turn++)
    assert.equal((await http.send('GET', `/v2/${APP}/manifests/secrettag`)).status, 200)
  await openSession(http, APP)
  assert.equal((await http.send('GET', '/v2/bob/hidden/manifests/v1')).status, 404)
  await using wrong = new RawClient(berth.port, { authorization: basicLogin('mallory', 'wrongpassword') })
  assert.equal((await wrong.send('GET', '/v2/')).status, 401)
  assert.equal((await wrong.send('GET', '/no/such/path/of/strangers')).status, 404)
}

test('a scrape has the figures of what was done, and no names', () => assertFigures(undefined))

test('so it has with PostgreSQL', { skip: postgresSkipReason() }, async () => {
  await using postgres = await startPostgresServer()
  await using database = await postgres.createDatabase()
  await assertFigures(database.url)
})

async function assertFigures(databaseUrl: string | undefined): Promise<void> {
  await using folder = await makeTempFolder('backup')
  const metricsPort = await findFreePort()
  await using berth = await bootBerth({
    users: [{ name: 'alice', isAdmin: true }],
    databaseUrl,
    flags: ['--listen-metrics', String(metricsPort), '--backup-to', folder.path],
  })
  await pushSome(berth)
  const text = await scrape(metricsPort)
  const route = (kind: string, status: string, repository: string): string =>
    `berth_requests_total{route="${kind}",status="${status}",repository="${repository}"}`
  assert.equal(readValue(text, route('manifest-get', '2xx', 'own')), 3)
  assert.equal(readValue(text, route('manifest-get', '4xx', 'other')), 1)
  assert.equal(readValue(text, route('manifest-put', '2xx', 'own')), 1)
  assert.equal(readValue(text, route('ping', '4xx', 'none')), 1)
  assert.equal(readValue(text, route('other', '4xx', 'none')), 1)
  assert.equal(readValue(text, 'berth_request_duration_seconds_count{route="manifest-get"}'), 4)
  assert.ok(readValue(text, 'berth_received_bytes_total{route="manifest-put"}') > 100)
  assert.equal(readValue(text, 'berth_logins_total{result="wrong"}'), 1)
  assert.ok(readValue(text, 'berth_logins_total{result="accepted"}') >= 1)
  assert.ok(readValue(text, 'berth_credential_lookups_total{result="missed"}') >= 2)
  assert.ok(readValue(text, 'berth_credential_lookups_total{result="right"}') >= 3)
  assert.equal(readValue(text, 'berth_credentials_remembered{result="right"}'), 1)
  assert.equal(readValue(text, 'berth_credentials_remembered{result="wrong"}'), 1)
  assert.equal(readValue(text, 'berth_requests_in_progress'), 0)
  assert.equal(readValue(text, 'berth_upload_sessions'), 1)
  assert.ok(readValue(text, 'berth_storage_sync_duration_seconds_count') >= 2)
  assert.ok(readValue(text, 'berth_database_transaction_duration_seconds_count{result="committed"}') >= 3)
  assert.ok(readValue(text, 'berth_database_row_lookups_total{result="found"}') >= 1)
  assert.ok(readValue(text, 'berth_disk_free_bytes{disk="blobs"}') > 0)
  assert.equal(readValue(text, 'berth_read_only'), 0)
  assert.equal(readValue(text, 'berth_processes{role="server"}'), 1)
  assert.doesNotMatch(text, /secret|alice|mallory|hidden|bob|strangers|berth_scrape_source_failed\{[^}]*\} 1/)

  await berth.command(['read-only', 'on'])
  await new Promise((resolve) => setTimeout(resolve, FRESH_MS))
  assert.equal(readValue(await scrape(metricsPort), 'berth_read_only'), 1)
}

test('a scrape has every metric, and promtool accepts it', async (t) => {
  const metricsPort = await findFreePort()
  await using berth = await bootBerth({
    users: [{ name: 'alice', isAdmin: true }],
    flags: ['--listen-metrics', String(metricsPort)],
  })
  await pushSome(berth)
  const text = await scrape(metricsPort)
  const shown = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name ?? ''))
  for (const [name] of listMetrics())
    assert.equal(shown.has(name), !(ABSENT.has(name) || name === 'berth_backup_trouble'), name)
  assert.equal(shown.size, listMetrics().length - ABSENT.size - 1)
  const missing = skipReason('promtool')
  if (missing) return t.diagnostic(missing)
  const checked = spawnSync(part('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' })
  assert.equal(`${checked.stdout}${checked.stderr}`, '')
  assert.equal(checked.status, 0)
})

test('a taken address for metrics is an error that names it, before a data folder is made', async () => {
  await using folder = await makeTempFolder('taken')
  await using taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const dataDir = join(folder.path, 'data')
  const flags = ['--data', dataDir, '--listen-http', '127.0.0.1:0', '--listen-metrics', String(port)]
  const { code, stderr } = await runCli(['serve', ...flags])
  assert.equal(code, 1)
  assert.match(stderr, new RegExp(`error\\[PORT_IN_USE\\].*127\\.0\\.0\\.1:${port}`))
  assert.equal(existsSync(dataDir), false)
})

test('a listener of metrics at the address of another listener is an error before a data folder is made', async () => {
  await using folder = await makeTempFolder('same')
  const dataDir = join(folder.path, 'data')
  const port = await findFreePort()
  for (const [own, metrics] of [
    [`127.0.0.1:${port}`, String(port)],
    [`:${port}`, `127.0.0.1:${port}`],
    [`unix:${folder.path}/berth.sock`, `unix:${folder.path}/berth.sock`],
  ] as const) {
    const flags = ['--data', dataDir, '--insecure-http', '--listen-http', own, '--listen-metrics', metrics]
    const { code, stderr } = await runCli(['serve', ...flags])
    assert.equal(code, 1)
    assert.match(
      stderr,
      /^error\[PORT_IN_USE\]: --listen-http and --listen-metrics name the same address: .*\n$/,
    )
    assert.equal(existsSync(dataDir), false)
  }
})

test('the listener of metrics answers nothing else, and the registry has no metrics', async () => {
  const metricsPort = await findFreePort()
  await using berth = await bootBerth({ users: [], flags: ['--listen-metrics', `127.0.0.1:${metricsPort}`] })
  // Answered once all listeners are open.
  assert.equal((await fetch(`${berth.url}/startupz`)).status, 200)
  for (const [method, path, status] of [
    ['GET', '/', 404],
    ['GET', '/v2/', 404],
    ['GET', '/metrics/', 404],
    ['POST', '/metrics', 405],
    ['HEAD', '/metrics', 200],
  ] as const)
    assert.equal((await fetch(`http://127.0.0.1:${metricsPort}${path}`, { method })).status, status, path)
  assert.equal((await fetch(`${berth.url}/metrics`)).status, 404)
})

test('the socket of a killed server does not keep the next one from starting', async () => {
  await using folder = await makeTempFolder('metrics-socket')
  const path = join(folder.path, 'metrics.sock')
  const listenAndDie = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', listenAndDie])
  assert.ok(existsSync(path))
  await using berth = await bootBerth({ users: [], flags: ['--listen-metrics', `unix:${path}`] })
  assert.equal((await fetch(`${berth.url}/startupz`)).status, 200)
  const { status, body } = await getBySocket(path, '/metrics')
  assert.equal(status, 200)
  assert.match(body, /^berth_build_info/m)
})

function getBySocket(
  socketPath: string,
  path: string,
): Promise<{ status: number | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; body: string }>()
  get({ socketPath, path }, async (response) => {
    resolve({ status: response.statusCode, body: await readText(response) })
  }).once('error', reject)
  return promise
}
