import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { test } from 'node:test'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { runCli } from '../support/program/run-cli.ts'

const REQUESTS = 20

interface RankedSite {
  readonly name: string
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  readonly failuresPerSecond: number
}

/** The status of an answer. */
function ask(port: number, host: string, path = '/'): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  get({ port, path, headers: { host, connection: 'close' } }, (response) => {
    response.resume().once('end', () => resolve(response.statusCode))
  }).once('error', reject)
  return promise
}

for (const workers of [1, 2])
  test(`berth top ranks the sites, and metrics have why their servers fail, workers: ${workers}`, async () => {
    await using folder = await makeTempFolder('top-sites')
    const [port, metricsPort, closedPort] = [await findFreePort(), await findFreePort(), await findFreePort()]
    const [www, dataDir, config] = ['www', 'data', 'berth.yaml'].map((name) => join(folder.path, name)) as [
      string,
      string,
      string,
    ]
    await mkdir(www)
    await writeFile(join(www, 'index.html'), 'x'.repeat(10_000))
    await writeFile(
      config,
      `sites:\n  files.example: { files: ${www} }\n  broken.example: { upstream: 'http://127.0.0.1:${closedPort}' }\n`,
    )
    await using _server = await BerthProcess.start({
      dataDir,
      port,
      logFile: join(folder.path, 'berth.log'),
      flags: [
        ...['--config', config, '--domain', 'registry.example', '--listen-https', 'off', '--acme', 'off'],
        ...['--https-method', 'noredirect', '--docker-host', 'off', '--site-log', 'off'],
        ...['--listen-metrics', String(metricsPort), '--workers', String(workers)],
      ],
    })
    for (let turn = 0; turn < REQUESTS; turn++) {
      assert.equal(await ask(port, 'files.example'), 200)
      assert.equal(await ask(port, 'broken.example'), 502)
      assert.equal(await ask(port, 'registry.example', '/livez'), 200)
    }
    let sites = new Map<string, RankedSite>()
    await until(async () => {
      const { stdout } = await runCli(['top', '--by', 'site', '--json', '--data', dataDir])
      const { top } = JSON.parse(stdout) as { top: RankedSite[] }
      sites = new Map(top.map((site) => [site.name, site]))
      return sites.size === 3
    })
    const [files, broken, registry] = ['files', 'broken', 'registry'].map(
      (name) => sites.get(`${name}.example`) ?? assert.fail(name),
    )
    assert.ok(
      files && files.bytesPerSecond > 5_000 * files.requestsPerSecond && files.failuresPerSecond === 0,
    )
    assert.ok(broken && broken.failuresPerSecond > 0)
    assert.ok(Math.abs(broken.failuresPerSecond - broken.requestsPerSecond) < 1e-9)
    assert.ok(registry && registry.requestsPerSecond > 0 && registry.failuresPerSecond === 0)
    const { stdout } = await runCli(['top', '--by', 'site', '--data', dataDir])
    assert.match(stdout, /^SITE +BYTES\/S +REQUESTS\/S +FAILED\/S/)
    assert.match(stdout, /^files\.example /m)

    const status = await runCli(['status', '--data', dataDir])
    assert.match(
      status.stdout,
      workers === 1 ? /^Processes +1, /m : /^Processes +3 \(a primary and 2 workers\), /m,
    )
    const series = `berth_upstream_failures_total{site="broken.example",kind="refused"} ${REQUESTS}\n`
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    get({ port: metricsPort, path: '/metrics' }, (response) => resolve(readText(response))).once(
      'error',
      reject,
    )
    assert.ok((await promise).includes(series))
  })
