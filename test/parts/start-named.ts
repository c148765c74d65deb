import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DnsEndpoint } from '../../src/certificates/acme/dns/dns-exchange.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { PARTS_PATH, part } from './find-parts.ts'

/** A key the name server takes: `name:algorithm:secret`. */
type NamedKey = `${string}:${string}:${string}`

/** A name server of a zone that takes signed updates. */
interface StartedNamed extends AsyncDisposable {
  readonly endpoint: DnsEndpoint
  readLog(): Promise<string>
}

const HOST = '127.0.0.1'

/** Starts BIND as the primary of a zone on a free port of loopback; the keys may change its TXT records. */
export async function startNamed(zone: string, keys: readonly NamedKey[]): Promise<StartedNamed> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('named'))
  const port = await findFreePort()
  const data = join(folder.path, 'data')
  await mkdir(data)
  await chmod(folder.path, 0o755)
  await chmod(data, 0o777)
  const parsed = keys.map((key) => key.split(':'))
  const blocks = parsed.map(
    ([name, algorithm, secret]) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`,
  )
  const grants = parsed.map(([name]) => `grant ${name} zonesub TXT;`)
  const config = `
options {
  directory "${data}"; pid-file none; session-keyfile none; managed-keys-directory "${data}";
  listen-on port ${port} { ${HOST}; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; empty-zones-enable no; notify no;
};
controls {};
${blocks.join('\n')}
zone "${zone}" { type primary; file "zone"; update-policy { ${grants.join(' ')} }; };
`
  const records = `$TTL 60
@ IN SOA ns.${zone}. admin.${zone}. 1 3600 600 86400 60
@ IN NS ns.${zone}.
ns IN A ${HOST}
_acme-challenge.alias IN CNAME delegated.${zone}.
`
  await writeFile(join(data, 'zone'), records)
  await chmod(join(data, 'zone'), 0o666)
  await writeFile(join(folder.path, 'named.conf'), config)
  const named = await startProcess(part('named'), {
    args: ['-g', '-4', '-n', '1', '-c', join(folder.path, 'named.conf')],
    logFile: join(folder.path, 'named.log'),
    env: { PATH: PARTS_PATH },
    isReady: () => isListening(port),
  })
  resources.defer(async () => {
    await named.stop()
  })
  const kept = resources.move()
  return {
    endpoint: { address: HOST, port },
    readLog: () => named.readLog(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
