import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { postgresSkipReason, startPostgresServer } from '../support/database/postgres-server.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { bootBerth } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { type CollectedSpan, startCollector } from '../support/program/trace-collector.ts'
import { formatManifest, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const REPOSITORY = 'alice/app'
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN_ID = '00f067aa0ba902b7'
const SAMPLED = `00-${TRACE_ID}-${SPAN_ID}-01`

/** A span by its name, and those below it. */
function below(spans: readonly CollectedSpan[], parent: CollectedSpan): CollectedSpan[] {
  return spans.filter(
    ({ traceId, parentSpanId }) => traceId === parent.traceId && parentSpanId === parent.spanId,
  )
}

function find(spans: readonly CollectedSpan[], name: string): CollectedSpan {
  return spans.find((span) => span.name === name) ?? assert.fail(`no "${name}": ${spans.map((s) => s.name)}`)
}

test('a push and a pull are traced by room, without secrets', () => assertTraced(undefined))

test('so they are with PostgreSQL', { skip: postgresSkipReason() }, async () => {
  await using postgres = await startPostgresServer()
  await using database = await postgres.createDatabase()
  await assertTraced(database.url)
})

async function assertTraced(databaseUrl: string | undefined): Promise<void> {
  await using collector = await startCollector()
  await using folder = await makeTempFolder('traces')
  const headersFile = join(folder.path, 'headers')
  await writeFile(headersFile, '# of the collector\nAuthorization: Bearer canary-token\n', { mode: 0o600 })
  await using berth = await bootBerth({
    users: [{ name: 'alice', isAdmin: true }],
    databaseUrl,
    flags: [
      ...['--traces-endpoint', collector.url, '--traces-sample', '1', '--traces-service', 'berth-test'],
      ...['--traces-headers-file', headersFile],
    ],
  })
  const password = berth.requirePassword('alice')
  const basic = Buffer.from(`alice:${password}`).toString('base64')
  using http = new RawClient(berth.port, { authorization: `Basic ${basic}` })
  await pushBlob(http, REPOSITORY, Buffer.from('{}'))
  const manifest = formatManifest([Buffer.from('{}')])
  assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'v1' }, manifest), 201)
  const path = `/v2/${REPOSITORY}/manifests/v1?canary-query=1`
  const { status, headers } = await http.send('GET', path, { headers: { traceparent: SAMPLED } })
  assert.equal(status, 200)
  assert.equal((await http.send('GET', `/v2/${REPOSITORY}/manifests/none`)).status, 404)
  const GET = 'GET /v2/{name}/manifests/{reference}'
  await collector.waitFor((spans) => spans.filter(({ name }) => name === GET).length === 2)

  const { spans } = collector
  const put = find(spans, 'PUT /v2/{name}/manifests/{reference}')
  assert.equal(put.kind, 2)
  assert.equal(put.parentSpanId, undefined)
  assert.deepEqual(
    below(spans, put)
      .map(({ name }) => name)
      .filter((name) => name !== 'transaction'),
    ['authorize', 'registry manifest-put'],
  )
  const operation = find(below(spans, put), 'registry manifest-put')
  const transaction = find(below(spans, operation), 'transaction')
  const isServer = databaseUrl !== undefined
  assert.equal(transaction.attributes['db.system.name'], isServer ? 'postgresql' : 'sqlite')
  assert.equal(transaction.kind, isServer ? 3 : 1)
  assert.ok(transaction.start >= operation.start && transaction.end <= operation.end)
  const names = new Set(spans.map(({ name }) => name))
  assert.ok(names.has('blob append') && names.has('blob commit'), [...names].join())

  const [pull, missing] = spans.filter(({ name }) => name === GET)
  assert.ok(pull && missing)
  // The client is no trusted proxy.
  assert.notEqual(pull.traceId, TRACE_ID)
  assert.deepEqual(pull.attributes, {
    'http.request.method': 'GET',
    'url.path': `/v2/${REPOSITORY}/manifests/v1`,
    'url.scheme': 'http',
    'client.address': '127.0.0.1',
    'berth.request_id': headers['x-request-id'],
    'berth.route': 'manifest-get',
    'http.route': '/v2/{name}/manifests/{reference}',
    'http.response.status_code': 200,
  })
  assert.equal(pull.status, undefined)
  assert.equal(missing.status, undefined)
  assert.equal(
    find(below(spans, missing), 'registry manifest-get').attributes['error.type'],
    'MANIFEST_UNKNOWN',
  )
  assert.equal(pull.resource['service.name'], 'berth-test')
  for (const request of collector.requests) assert.equal(request.authorization, 'Bearer canary-token')
  const sent = collector.bodies.join()
  for (const secret of [password, basic, 'canary-query', 'canary-token']) assert.ok(!sent.includes(secret))
  const log = await readFile(berth.logFile, 'utf8')
  assert.match(log, new RegExp(`"id":"${headers['x-request-id']}","trace":"${pull.traceId}"`))
  assert.ok(!log.includes('canary-token'))
}

/** A server with a site that passes on to an application. */
async function startSite(folder: string, upstream: number, flags: readonly string[]): Promise<BerthProcess> {
  await mkdir(folder, { recursive: true })
  const config = join(folder, 'berth.yaml')
  await writeFile(config, `sites:\n  app.example: { upstream: 'http://127.0.0.1:${upstream}' }\n`)
  return BerthProcess.start({
    dataDir: join(folder, 'data'),
    port: await findFreePort(),
    logFile: join(folder, 'berth.log'),
    flags: [
      ...['--config', config, '--domain', 'registry.example', '--listen-https', 'off', '--acme', 'off'],
      ...['--https-method', 'noredirect', '--docker-host', 'off', '--site-log-format', 'json', ...flags],
    ],
  })
}

test('a trace of a trusted proxy goes on to the application; its decision to sample counts', async () => {
  await using collector = await startCollector()
  await using folder = await makeTempFolder('traces-site')
  const got: IncomingHttpHeaders[] = []
  await using app = createServer((request, response) => {
    got.push(request.headers)
    response.writeHead(request.url === '/broken' ? 500 : 200).end('hello')
  }).listen(0, '127.0.0.1')
  await once(app, 'listening')
  const { port: appPort } = app.address() as AddressInfo
  // None of its own: all spans are of requests that the proxy samples.
  await using berth = await startSite(folder.path, appPort, [
    ...['--traces-endpoint', `${collector.url}/v1/traces`, '--traces-sample', '0'],
    ...['--trusted-proxies', '127.0.0.0/8'],
  ])
  using client = new RawClient(berth.port)
  const ask = async (path: string, headers: Record<string, string>): Promise<IncomingHttpHeaders> => {
    await client.send('GET', path, { headers: { host: 'app.example', ...headers } })
    return got.at(-1) ?? assert.fail('nothing came')
  }
  const continued = await ask('/?secret=1', { traceparent: SAMPLED, tracestate: 'vendor=x' })
  const [, traceId, spanId, flags] = String(continued.traceparent).split('-')
  assert.deepEqual([traceId, flags, continued.tracestate], [TRACE_ID, '01', 'vendor=x'])
  assert.notEqual(spanId, SPAN_ID)
  await ask('/broken', { traceparent: SAMPLED })

  const unsampled = await ask('/', { traceparent: `00-${TRACE_ID}-${SPAN_ID}-00` })
  assert.match(String(unsampled.traceparent), new RegExp(`^00-${TRACE_ID}-(?!${SPAN_ID})[0-9a-f]{16}-00$`))
  const own = await ask('/', {})
  assert.match(String(own.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  const malformed = await ask('/', { traceparent: `00-${'0'.repeat(32)}-${SPAN_ID}-01`, tracestate: 'a=b' })
  assert.match(String(malformed.traceparent), /-00$/)
  assert.equal(malformed.tracestate, undefined)
  const long = await ask('/', { traceparent: SAMPLED, tracestate: `a=${'b'.repeat(600)}` })
  assert.equal(long.tracestate, undefined)

  await collector.waitFor((spans) => spans.filter(({ kind }) => kind === 2).length === 3)
  const { spans } = collector
  const server = spans.find((span) => span.kind === 2 && span.traceState === 'vendor=x') ?? assert.fail()
  assert.equal(server.parentSpanId, SPAN_ID)
  // Sampled, and the parent is known to be in another program.
  assert.equal(server.flags, 0x301)
  assert.equal(server.attributes['server.address'], 'app.example')
  assert.equal(server.attributes['url.path'], '/')
  const call = below(spans, server).find(({ kind }) => kind === 3) ?? assert.fail('no call')
  assert.equal(call.spanId, spanId)
  assert.equal(call.flags, 0x101)
  assert.equal(call.attributes['server.port'], appPort)
  assert.deepEqual(
    below(spans, server).map(({ name }) => name),
    ['route', 'authorize', 'GET'],
  )
  const broken = spans.filter(({ attributes }) => attributes['http.response.status_code'] === 500)
  assert.deepEqual(broken.map(({ kind, status }) => [kind, status?.code]).sort(), [
    [2, 2],
    [3, 2],
  ])
})

test('a visitor who is no trusted proxy neither continues a trace nor decides about one', async () => {
  await using collector = await startCollector()
  await using folder = await makeTempFolder('traces-visitor')
  const got: IncomingHttpHeaders[] = []
  await using app = createServer((request, response) => {
    got.push(request.headers)
    response.end('hello')
  }).listen(0, '127.0.0.1')
  await once(app, 'listening')
  const { port: appPort } = app.address() as AddressInfo
  await using berth = await startSite(folder.path, appPort, [
    ...['--traces-endpoint', collector.url, '--traces-sample', '1', '--workers', '2'],
  ])
  for (let turn = 0; turn < 20; turn++) {
    using client = new RawClient(berth.port)
    const headers = { host: 'app.example', traceparent: SAMPLED, tracestate: 'vendor=x' }
    assert.equal((await client.send('GET', '/', { headers })).status, 200)
  }
  await collector.waitFor((spans) => spans.filter(({ kind }) => kind === 2).length === 20)
  assert.ok(!collector.bodies.join().includes(TRACE_ID))
  for (const { traceparent, tracestate } of got) {
    assert.ok(!String(traceparent).includes(TRACE_ID))
    assert.equal(tracestate, undefined)
  }
  const pids = new Set(collector.spans.map(({ resource }) => resource['process.pid']))
  assert.equal(pids.size, 2)
  assert.ok(!pids.has(berth.pid))
})

for (const trouble of ['refuses', 'hangs', 'is not there'] as const) {
  test(`a collector that ${trouble} slows no request, fills no log and holds up no stop`, async () => {
    await using collector = await startCollector()
    collector.answer = trouble === 'hangs' ? 'hang' : 503
    const metricsPort = await findFreePort()
    const endpoint = trouble === 'is not there' ? `http://127.0.0.1:${await findFreePort()}` : collector.url
    let stoppingAt = 0
    {
      await using berth = await bootBerth({
        users: [],
        flags: [
          ...['--traces-endpoint', endpoint, '--traces-sample', '1'],
          ...['--listen-metrics', String(metricsPort)],
        ],
      })
      using client = new RawClient(berth.port)
      // More than wait at most; then the rest is dropped and counted.
      for (let turn = 0; turn < 60; turn++)
        await Promise.all(Array.from({ length: 50 }, () => client.send('GET', '/livez')))
      const startedAt = performance.now()
      for (let turn = 0; turn < 100; turn++) await client.send('GET', '/livez')
      // One that waited for the collector would take five seconds by itself.
      assert.ok(performance.now() - startedAt < 10_000)
      let dropped = 0
      await until(async () => {
        const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
        dropped = Number(/berth_trace_spans_total\{result="dropped"\} (\d+)/.exec(text)?.[1] ?? 0)
        return dropped >= 500
      }, 'fewer than 500 spans are dropped')
      const countWarnings = async (): Promise<number> =>
        (await readFile(berth.logFile, 'utf8')).split('the collector does not take traces').length - 1
      await until(async () => (await countWarnings()) > 0, 'no warning about the collector')
      assert.equal(await countWarnings(), 1)
      stoppingAt = performance.now()
    }
    assert.ok(performance.now() - stoppingAt < 6_000)
  })
}

test('the last spans are sent at the stop', async () => {
  await using collector = await startCollector()
  const flags = ['--traces-endpoint', collector.url, '--traces-sample', '1']
  {
    await using berth = await bootBerth({ users: [], flags })
    assert.equal((await fetch(`${berth.url}/livez`)).status, 200)
  }
  assert.equal(find(collector.spans, 'GET /livez').attributes['http.response.status_code'], 200)
})

test('without traces none of their code is loaded', async () => {
  await using folder = await makeTempFolder('traces-off')
  const hook = join(folder.path, 'hook.mjs')
  await writeFile(
    hook,
    `import { registerHooks } from 'node:module'
     import { appendFileSync } from 'node:fs'
     registerHooks({ resolve(name, context, next) {
       const found = next(name, context)
       appendFileSync(process.env.TEST_MODULES, found.url + '\\n')
       return found
     } })`,
  )
  await using collector = await startCollector()
  for (const [flags, isOn] of [
    [[], false],
    [['--traces-endpoint', collector.url], true],
  ] as const) {
    const modules = join(folder.path, `modules-${isOn}`)
    await using berth = await bootBerth({
      users: [],
      flags,
      env: { NODE_OPTIONS: `--import=${hook}`, TEST_MODULES: modules },
    })
    assert.equal((await fetch(`${berth.url}/livez`)).status, 200)
    const loaded = (await readFile(modules, 'utf8')).split('\n')
    assert.ok(loaded.some((url) => url.endsWith('/src/app/start.ts')))
    const own = loaded.filter((url) => /\/src\/traces\/|open-tracing/.test(url))
    assert.equal(own.length > 0, isOn, own.join())
  }
})

test('a URL with a password and a bad file of headers are errors that show neither', async () => {
  await using folder = await makeTempFolder('traces-faults')
  const dataDir = join(folder.path, 'data')
  const base = ['serve', '--data', dataDir, '--listen-http', '127.0.0.1:0']
  const url = await runCli([...base, '--traces-endpoint', 'http://user:canary@127.0.0.1:4318'])
  assert.equal(url.code, 2)
  assert.match(url.stderr, /error\[VALUE_INVALID\].*traces-endpoint/)
  assert.ok(!url.stderr.includes('canary'))
  const headersFile = join(folder.path, 'headers')
  await writeFile(headersFile, 'Authorization: Bearer x\ncanary without a colon\n')
  const flags = ['--traces-endpoint', 'http://127.0.0.1:4318', '--traces-headers-file', headersFile]
  const file = await runCli([...base, ...flags])
  assert.equal(file.code, 1)
  assert.match(file.stderr, /error\[TRACES_HEADERS_UNUSABLE\].*line 2/)
  assert.ok(!file.stderr.includes('canary'))
})
