import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, test } from 'node:test'
import { connect } from 'node:tls'
import { makePaper, type PaperCertificate } from '../support/certificates/paper-ca.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

const DOMAIN = 'registry.example.com'
const SITE = 'app.example.com'
const paper = (host: string): PaperCertificate => makePaper(host, { names: [host] })

interface SceneOptions {
  readonly acme?: readonly string[]
  /** Content of the file of Berth's own CA. */
  readonly authority?: string
}

/** A server whose hosts have the certificates that a test puts into its folder. */
async function makeScene(
  pairs: Readonly<Record<string, readonly [cert: string, key: string]>>,
  { acme = ['--acme', 'off'], authority }: SceneOptions = {},
) {
  await using resources = new AsyncDisposableStack()
  const temp = resources.use(await makeTempFolder('broken'))
  const path = (...names: string[]): string => join(temp.path, ...names)
  const put = async (name: string, [cert, key]: readonly [string, string]): Promise<void> => {
    await writeFile(path('certs', `${name}.key`), key, { mode: 0o600 })
    await writeFile(path('certs', `${name}.crt`), cert)
  }
  await mkdir(path('certs'))
  if (authority !== undefined) {
    await mkdir(path('data', 'certificates', 'ca'), { recursive: true })
    await writeFile(path('data', 'certificates', 'ca', 'authority.pem'), authority)
  }
  for (const [name, pair] of Object.entries(pairs)) await put(name, pair)
  await writeFile(path('berth.yaml'), `sites:\n  ${SITE}: { upstream: http://127.0.0.1:1 }\n`)
  const [http, https] = [await findFreePort(), await findFreePort()]
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--config', path('berth.yaml'), '--data', path('data'), '--domain', DOMAIN],
      ...['--certs', path('certs'), '--docker-host', 'off', ...acme],
      ...['--listen-http', `127.0.0.1:${http}`, '--listen-https', `127.0.0.1:${https}`],
    ],
    logFile: path('berth.log'),
    isReady: () => isListening(https),
  })
  resources.defer(async () => {
    assert.equal(await berth.stop(), 0)
  })
  const kept = resources.move()
  return {
    put,
    path,
    readLog: berth.readLog,
    /** Result of a visit: the fingerprint of a certificate, or the text of the refusal. */
    visit: (host: string) => visit(https, host),
    list: () => runOk(BERTH_BIN, ['site', 'list', '--data', path('data')]),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function visit(port: number, host: string): Promise<string> {
  return new Promise((resolve) => {
    // Test certificates are not trusted; only which of them is served counts.
    const socket = connect({ host: '127.0.0.1', port, servername: host, rejectUnauthorized: false })
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().fingerprint256)
      socket.destroy()
    })
    socket.once('error', (error) => resolve(error.message))
  })
}

describe('a certificate that does not match its key', () => {
  it('at the start: the visitor is refused, the list says why, and no other host notices', async () => {
    const [good, bad] = [paper(DOMAIN), paper(SITE)]
    await using scene = await makeScene({
      [DOMAIN]: [good.pem, good.keyPem],
      [SITE]: [bad.pem, paper(SITE).keyPem],
    })
    assert.match(await scene.visit(SITE), /unrecognized name/i)
    assert.equal(await scene.visit(DOMAIN), good.certificate.fingerprint256)
    const list = await scene.list()
    assert.match(
      list,
      new RegExp(`^${SITE}: ${SITE}\\.crt cannot be used: The key is not that of the certificate`, 'm'),
    )
    assert.match(list, new RegExp(`^${DOMAIN} +up `, 'm'))
    const warning = /"level":"warn".*app\.example\.com\.crt is not used: The key is not that of/
    await until(async () => warning.test(await scene.readLog()), scene.readLog)
    const certs = await runOk(BERTH_BIN, ['cert', 'list', '--certs', scene.path('certs')])
    assert.match(certs, /app\.example\.com\.crt is not used: The key is not that .*\n +→ Find the key/)
    const check = await runCommand(BERTH_BIN, ['cert', 'check', '--certs', scene.path('certs')])
    assert.equal(check.code, 1)
    assert.match(check.stdout, /KEY_MISMATCH/)
    await scene.put(SITE, [bad.pem, bad.keyPem])
    await until(async () => (await scene.visit(SITE)) === bad.certificate.fingerprint256, scene.readLog)
  })

  it('while an order is under way: the list names both', async () => {
    const acme = ['--acme-directory', `https://127.0.0.1:${await findFreePort()}/`]
    await using scene = await makeScene({ [DOMAIN]: [paper(DOMAIN).pem, paper(DOMAIN).keyPem] }, { acme })
    const both = new RegExp(
      `^${DOMAIN}: ${DOMAIN}\\.crt cannot be used: The key .*, and none of a CA yet: .*127\\.0\\.0\\.1`,
      'm',
    )
    await until(async () => both.test(await scene.list()), scene.list)
  })

  it('later: the visitor is served with the last good one, and the log says so', async () => {
    const [domain, site] = [paper(DOMAIN), paper(SITE)]
    await using scene = await makeScene({
      [DOMAIN]: [domain.pem, domain.keyPem],
      [SITE]: [site.pem, site.keyPem],
    })
    assert.equal(await scene.visit(SITE), site.certificate.fingerprint256)
    await scene.put(SITE, [paper(SITE).pem, site.keyPem])
    await until(async () => /What was loaded before is served on/.test(await scene.readLog()), scene.readLog)
    assert.equal(await scene.visit(SITE), site.certificate.fingerprint256)
    await until(async () => /cannot be used \(The key is not that/.test(await scene.list()), scene.list)
    assert.equal(await scene.visit(DOMAIN), domain.certificate.fingerprint256)
  })
})

test('a damaged file of the own CA keeps no host with a certificate from being served', async () => {
  const good = paper(DOMAIN)
  await using scene = await makeScene({ [DOMAIN]: [good.pem, good.keyPem] }, { authority: 'rubbish' })
  assert.equal(await scene.visit(DOMAIN), good.certificate.fingerprint256)
  const why = /local names have no certificate: The file of .*authority\.pem, is damaged\. Restore/
  await until(async () => why.test(await scene.readLog()), scene.readLog)
})
