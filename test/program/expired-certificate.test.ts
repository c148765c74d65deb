import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { get } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import { makePaper } from '../support/certificates/paper-ca.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'

for (const flags of [
  [],
  ['--workers', '2'],
  ['--domain', 'registry.test', '--acme', 'off', '--docker-host', 'off'],
]) {
  test(`an expired pair of --tls-cert is logged and in /readyz, with ${flags.join(' ') || 'no more flags'}`, async () => {
    await using folder = await makeTempFolder('expiry')
    const files = ['a.crt', 'a.key'].map((name) => join(folder.path, name))
    const [certFile = '', keyFile = ''] = files
    const write = async (days: readonly [number, number]): Promise<void> => {
      const { pem, keyPem } = makePaper('registry.test', { names: ['registry.test'], days })
      for (const [file, text] of [
        [certFile, pem],
        [keyFile, keyPem],
      ] as const) {
        await writeFile(`${file}.new`, text)
        await rename(`${file}.new`, file)
      }
    }
    await write([-20, -2])
    const [port, tlsPort] = [await findFreePort(), await findFreePort()]
    const logFile = join(folder.path, 'berth.log')
    const tls = ['--listen-https', `127.0.0.1:${tlsPort}`, '--tls-cert', certFile, '--tls-key', keyFile]
    await using server = await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      port,
      logFile,
      flags: [...tls, ...flags],
    })
    const untilServed = (isSo: () => Promise<boolean>, what: string): Promise<void> =>
      until(() => {
        assert.ok(!server.hasEnded, what)
        return isSo().catch(() => false)
      }, what)
    await untilServed(async () => /a\.crt has expired on/.test(await server.readLog()), 'nothing in the log')
    // Workers begin to listen after the primary has checked the certificate.
    await untilServed(async () => (await requestReadiness(tlsPort)).status !== '', 'TLS is not served')
    const [warning] = (await requestReadiness(tlsPort)).warnings ?? []
    assert.deepEqual([warning?.code, warning?.count], ['CERTIFICATE_EXPIRED', 1])
    assert.ok(Date.parse(String(warning?.since)) < Date.now())
    await write([-1, 5])
    await untilServed(
      async () => (await requestReadiness(tlsPort)).warnings === undefined,
      'the warning stays',
    )
    assert.equal((await server.readLog()).match(/has expired on/g)?.length, 1)
  })
}

interface Readiness {
  readonly status: string
  readonly warnings?: readonly { readonly code: string; readonly count: number; readonly since: string }[]
}

function requestReadiness(port: number): Promise<Readiness> {
  const { promise, resolve, reject } = Promise.withResolvers<Readiness>()
  const options = {
    host: '127.0.0.1',
    port,
    path: '/readyz',
    rejectUnauthorized: false,
    agent: false,
  } as const
  get({ ...options, headers: { host: 'registry.test' }, servername: 'registry.test' }, async (answer) => {
    assert.equal(answer.statusCode, 200)
    resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString()))
  }).on('error', reject)
  return promise
}
