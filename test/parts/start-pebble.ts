import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DnsEndpoint } from '../../src/certificates/acme/dns/dns-exchange.ts'
import { makeCertificates } from '../support/certificates/make-certificates.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { PARTS_PATH, part } from './find-parts.ts'

/** Options of the test CA. */
export interface PebbleOptions {
  /** Members of its settings beside the ports. */
  readonly settings?: Readonly<Record<string, unknown>>
  /** Its `PEBBLE_*` variables beside those that make it quick. */
  readonly env?: Readonly<Record<string, string>>
}

/** A running test CA with a DNS server that answers every name with 127.0.0.1. */
export interface StartedPebble extends AsyncDisposable {
  readonly directoryUrl: string
  /** Root of its own TLS certificate. */
  readonly caFile: string
  /** Ports of its checks of challenges; nothing listens there yet. */
  readonly httpPort: number
  readonly tlsPort: number
  readonly dns: DnsEndpoint
  /** URL of the DNS server's management: POST /set-txt and the like. */
  readonly dnsManagementUrl: string
  /** POST to the DNS server's management. */
  setDns(path: string, body: unknown): Promise<void>
  /** POST or GET to the CA's management. */
  manage(path: string, body?: unknown): Promise<string>
  readLog(): Promise<string>
}

const HOST = '127.0.0.1'

/** Starts pebble and its challenge test server on free ports of loopback. */
export async function startPebble(options: PebbleOptions = {}): Promise<StartedPebble> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('pebble'))
  const { caFile, certFile, keyFile } = await makeCertificates(folder.path, HOST)
  const ports = await Promise.all(Array.from({ length: 6 }, () => findFreePort()))
  const [port = 0, management = 0, httpPort = 0, tlsPort = 0, dnsPort = 0, dnsManagement = 0] = ports
  const keep = (started: StartedProcess): StartedProcess => {
    resources.defer(async () => {
      await started.stop()
    })
    return started
  }
  const off = ['-http01', '', '-https01', '', '-tlsalpn01', '', '-doh', '', '-defaultIPv6', '']
  keep(
    await startProcess(part('pebble-challtestsrv'), {
      args: [...off, '-dnsserver', `${HOST}:${dnsPort}`, '-management', `${HOST}:${dnsManagement}`],
      logFile: join(folder.path, 'challtestsrv.log'),
      env: { PATH: PARTS_PATH },
      isReady: () => isListening(dnsManagement),
    }),
  )
  const settings = {
    listenAddress: `${HOST}:${port}`,
    managementListenAddress: `${HOST}:${management}`,
    ...{ certificate: certFile, privateKey: keyFile, httpPort, tlsPort, keyAlgorithm: 'ecdsa' },
    retryAfter: { authz: 1, order: 1 },
    ...options.settings,
  }
  const config = join(folder.path, 'pebble.json')
  await writeFile(config, JSON.stringify({ pebble: settings }))
  const quick = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0', PEBBLE_AUTHZREUSE: '0' }
  const pebble = keep(
    await startProcess(part('pebble'), {
      args: ['-config', config, '-dnsserver', `${HOST}:${dnsPort}`],
      logFile: join(folder.path, 'pebble.log'),
      env: { PATH: PARTS_PATH, ...quick, ...options.env },
      isReady: () => isListening(port),
    }),
  )
  const kept = resources.move()
  const dnsManagementUrl = `http://${HOST}:${dnsManagement}`
  return {
    ...{ directoryUrl: `https://${HOST}:${port}/dir`, caFile, httpPort, tlsPort, dnsManagementUrl },
    dns: { address: HOST, port: dnsPort },
    setDns: async (path, body) => {
      const reply = await fetch(`${dnsManagementUrl}${path}`, { method: 'POST', body: JSON.stringify(body) })
      if (!reply.ok) throw new Error(`${path} was answered with ${reply.status}`)
    },
    manage: (path, body) => manage(`https://${HOST}:${management}${path}`, caFile, body),
    readLog: () => pebble.readLog(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function manage(url: string, caFile: string, body: unknown): Promise<string> {
  const args = ['--silent', '--fail', '--cacert', caFile, url]
  if (body === undefined) return await runOk('curl', args)
  return await runOk('curl', [...args, '--data-binary', '@-'], { input: JSON.stringify(body) })
}
