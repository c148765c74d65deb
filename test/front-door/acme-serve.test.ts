import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect } from 'node:tls'
import { skipReason } from '../parts/find-parts.ts'
import { type StartedPebble, startPebble } from '../parts/start-pebble.ts'
import { isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

const DOMAIN = 'registry.example.com'
const SITE = 'app.example.com'

interface Scene extends AsyncDisposable {
  readonly pebble: StartedPebble
  readonly data: string
  readonly berth: StartedProcess
}

/** A server with one domain and one site, and pebble as its CA. */
async function makeScene(challenge: 'http-01' | 'tls-alpn-01', workers: number): Promise<Scene> {
  await using resources = new AsyncDisposableStack()
  const pebble = resources.use(await startPebble())
  const folder = resources.use(await makeTempFolder('acme-serve'))
  const data = join(folder.path, 'data')
  const config = join(folder.path, 'berth.yaml')
  await writeFile(config, `sites:\n  ${SITE}: { upstream: http://127.0.0.1:1 }\n`)
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--config', config, '--data', data, '--domain', DOMAIN, '--docker-host', 'off'],
      ...['--listen-http', `127.0.0.1:${pebble.httpPort}`, '--listen-https', `127.0.0.1:${pebble.tlsPort}`],
      ...['--acme-directory', pebble.directoryUrl, '--acme-directory-ca', pebble.caFile],
      ...['--workers', String(workers), '--acme-challenge', challenge, '--acme-email', 'me@example.com'],
    ],
    logFile: join(folder.path, 'berth.log'),
    isReady: () => isListening(pebble.tlsPort),
  })
  resources.defer(async () => {
    assert.equal(await berth.stop(), 0)
  })
  const kept = resources.move()
  return { pebble, data, berth, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** The issuer of a host's certificate; undefined while there is none. */
function readIssuer(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // The test CA is not trusted here; only the issuer's name counts.
    const socket = connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      const { issuer, subjectaltname } = socket.getPeerCertificate()
      socket.destroy()
      resolve(`${String(issuer.CN)} for ${subjectaltname}`)
    })
    socket.once('error', () => resolve(undefined))
  })
}

async function until<T>(attempt: () => Promise<T | undefined>, readLog: () => Promise<string>): Promise<T> {
  const deadline = Date.now() + 40_000
  for (;;) {
    const result = await attempt()
    if (result !== undefined) return result
    if (Date.now() > deadline) throw new assert.AssertionError({ message: `not in time\n${await readLog()}` })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

describe('certificates by ACME through the front door', {
  skip: skipReason('pebble', 'pebble-challtestsrv', 'openssl', 'curl'),
}, () => {
  const rows = [
    ['http-01', 1],
    ['tls-alpn-01', 1],
    ['http-01', 2],
    ['tls-alpn-01', 2],
  ] as const
  for (const [challenge, workers] of rows) {
    it(`gets certificates for the registry and a site by ${challenge}, and renews on request, workers: ${workers}`, async () => {
      await using scene = await makeScene(challenge, workers)
      const { pebble, berth, data } = scene
      for (const host of [DOMAIN, SITE]) {
        const issuer = await until(() => readIssuer(pebble.tlsPort, host), berth.readLog)
        assert.match(issuer, new RegExp(`^Pebble Intermediate CA .* for DNS:${host}$`))
      }
      // Each worker reads a new certificate by itself: another one than that which answered above may be about to.
      const before = await until(() => readSerial(pebble.tlsPort), berth.readLog)
      const renewed = await runOk(BERTH_BIN, ['cert', 'renew', DOMAIN, '--data', data])
      assert.match(renewed, new RegExp(`^${DOMAIN}: valid, until \\d{4}-\\d\\d-\\d\\d`))
      const after = await until(async () => {
        const serial = await readSerial(pebble.tlsPort)
        return serial === before ? undefined : serial
      }, berth.readLog)
      assert.notEqual(after, before)
      const listed = await runOk(BERTH_BIN, ['site', 'list', '--data', data])
      assert.match(listed, new RegExp(`${DOMAIN} +up +registry +${DOMAIN}, until`))
    })
  }
})

/** The serial number of the registry's certificate; undefined while the worker that answers has none. */
function readSerial(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: DOMAIN, rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      const { serialNumber } = socket.getPeerCertificate()
      socket.destroy()
      resolve(serialNumber)
    })
    socket.once('error', () => resolve(undefined))
  })
}
