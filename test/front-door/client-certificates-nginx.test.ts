import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { type ClientPaper, makeClient, makeRevocations } from '../support/certificates/client-papers.ts'
import { makePaper } from '../support/certificates/paper-ca.ts'
import {
  type CertificateServer,
  pairFiles,
  startCertificateServer,
} from '../support/clients/certificate-server.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const MODES = ['on', 'optional', 'optional_no_ca'] as const
const VARIABLES = [
  ...['verify', 's_dn', 'i_dn', 'serial', 'fingerprint', 'escaped_cert', 'v_start', 'v_end', 'v_remain'],
].map((name) => `$ssl_client_${name}`)
/** The same on both sides: all compared values come back in the body. */
const VHOST = `return 200 "${VARIABLES.join('|')}";`

const ca = makePaper('Staff CA')
const lower = makePaper('Lower CA', { by: ca })
const stranger = makePaper('Other CA')
const self = makePaper('self-signed')
const mallory = makeClient('mallory', ca)
const CLIENTS: Readonly<Record<string, Pick<ClientPaper, 'cert' | 'key'> | undefined>> = {
  nobody: undefined,
  'one of the staff': makeClient('alice', ca),
  'one with a name of many signs': makeClient('Zoë, "the" + great = #1; <x>\\ ', ca),
  'one below a CA of the file': makeClient('carol', lower),
  'one whose certificate was taken back': mallory,
  'one whose certificate has expired': makeClient('bob', ca, [-9, -1]),
  'one whose certificate is not valid yet': makeClient('dave', ca, [1, 9]),
  'one of another CA': makeClient('eve', stranger),
  'one who signed it himself': { cert: self.pem, key: self.keyPem },
}

describe('client certificates, as nginx judges them', { skip: skipReason('nginx') }, () => {
  const hosts = Object.fromEntries(MODES.map((mode) => [`${mode.replaceAll('_', '-')}.example.com`, mode]))
  const resources = new AsyncDisposableStack()
  let berth: CertificateServer
  let nginxPort = 0

  before(async () => {
    const { path } = resources.use(await makeTempFolder('client-nginx'))
    const pair = pairFiles('server', ...Object.keys(hosts))
    const files = {
      ...pair,
      'ca.crt': ca.pem + lower.pem,
      'ca.crl.pem': makeRevocations(ca, [mallory]) + makeRevocations(lower, []),
    }
    berth = resources.use(
      await startCertificateServer({
        domain: 'registry.example.com',
        sites: Object.fromEntries(
          Object.entries(hosts).map(([host, mode]) => [host, `client-certificates: ${mode}`]),
        ),
        files,
        vhostFiles: Object.fromEntries(Object.keys(hosts).map((host) => [host, VHOST])),
      }),
    )
    await mkdir(join(path, 'logs'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text)
    nginxPort = await findFreePort()
    const servers = Object.entries(hosts).map(
      ([host, mode]) => `server {
        listen 127.0.0.1:${nginxPort} ssl; server_name ${host};
        ssl_certificate server.crt; ssl_certificate_key server.key;
        ssl_client_certificate ca.crt; ssl_crl ca.crl.pem; ssl_verify_client ${mode};
        ${VHOST}
      }`,
    )
    const config = `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid nginx.pid; error_log error.log;
      events {} http { access_log off; ${servers.join('\n')} }`
    await writeFile(join(path, 'nginx.conf'), config)
    const nginx = await startProcess(part('nginx'), {
      args: ['-p', path, '-c', join(path, 'nginx.conf'), '-e', join(path, 'error.log')],
      logFile: join(path, 'output.log'),
      isReady: () => isListening(nginxPort),
    })
    resources.defer(async () => void (await nginx.stop()))
  })
  after(() => resources.disposeAsync())

  for (const [host, mode] of Object.entries(hosts)) {
    for (const [who, client] of Object.entries(CLIENTS)) {
      test(`${mode}: ${who}`, async () => {
        const [ours, theirs] = await Promise.all([
          requestPort(berth.httpsPort, host, client),
          requestPort(nginxPort, host, client),
        ])
        assert.deepEqual(ours, theirs)
      })
    }
    test(`${mode}: one of the staff who asks for another host over this connection`, async () => {
      const client = CLIENTS['one of the staff']
      const other = Object.keys(hosts).find((each) => each !== host) ?? ''
      assert.equal((await requestPort(berth.httpsPort, host, client, other))[0], 421)
      assert.equal((await requestPort(nginxPort, host, client, other))[0], 421)
    })
  }
})

/** The status, and the sentence of an error page, which both have. */
async function requestPort(
  port: number,
  servername: string,
  client: Pick<ClientPaper, 'cert' | 'key'> | undefined,
  host: string = servername,
): Promise<readonly [status: number | undefined, text: string]> {
  const to = { host: '127.0.0.1', port, servername, rejectUnauthorized: false, agent: false }
  return await new Promise((resolve, reject) => {
    request(
      { ...to, ...(client && { cert: client.cert, key: client.key }), headers: { host } },
      async (response) => {
        let text = ''
        for await (const chunk of response) text += String(chunk)
        const [sentence = text] =
          /No required SSL certificate was sent|The SSL certificate error/.exec(text) ?? []
        resolve([response.statusCode, sentence])
      },
    )
      .once('error', reject)
      .end()
  })
}
