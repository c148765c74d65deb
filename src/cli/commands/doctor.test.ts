import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import { makeMail } from '../../../test/support/certificates/paper-ca.ts'
import { startScriptedEngine } from '../../../test/support/docker/scripted-engine.ts'
import { findFreePort } from '../../../test/support/machine/free-port.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { runCli } from '../../../test/support/program/run-cli.ts'
import type { Finding } from '../../app/doctor/finding.ts'
import { lockDataFolder } from '../../app/folders/data-folder.ts'

/** A name that resolves to this machine, and to no other. */
const HOST = 'localhost'
const DES = 'rEK1ecacw.7.c'

/** Folders as in the brief, free ports, and a doctor for them. */
async function openWard() {
  const temp = await makeTempFolder('doctor')
  const [http, https] = [await findFreePort(), await findFreePort()]
  const path = (...names: string[]): string => join(temp.path, ...names)
  for (const name of ['certs', 'vhost.d', 'passwords']) await mkdir(path(name))
  const flags = [
    ...['--domain', HOST, '--docker-host', 'off', '--certs', 'certs', '--vhost-dir', 'vhost.d'],
    ...['--htpasswd-dir', 'passwords', '--acme-directory', `https://127.0.0.1:${await findFreePort()}/`],
    ...['--listen-http', `127.0.0.1:${http}`, '--listen-https', `127.0.0.1:${https}`],
  ]
  const run = (...more: string[]) => runCli(['doctor', ...flags, ...more], { cwd: temp.path })
  const examine = async (check: string, ...more: string[]): Promise<Finding[]> => {
    const { findings } = JSON.parse((await run('--json', ...more)).stdout) as { findings: Finding[] }
    return findings.filter((finding) => finding.check === check)
  }
  const dispose = async (): Promise<void> => {
    await temp[Symbol.asyncDispose]()
  }
  return { path, http, https, run, examine, [Symbol.asyncDispose]: dispose }
}

function formatAll(findings: readonly Finding[]): string[] {
  return findings.map(({ state, message }) => `${state}: ${message}`)
}

describe('`berth doctor`', () => {
  it('finds nothing to fail before the first start, and changes nothing', async () => {
    await using ward = await openWard()
    const { code, stdout, stderr } = await ward.run()
    assert.deepEqual([code, stderr], [0, ''], stdout)
    assert.match(stdout, /^ok {7} disk .*berth-data is not there yet: the first start makes it\.$/m)
    assert.match(
      stdout,
      /→ Start it with "berth serve .*--domain localhost .*--certs certs --vhost-dir vhost\.d --htpasswd-dir passwords.*"\.$/m,
      'the remedy starts what was judged',
    )
    assert.match(stdout, /^ok {7} dns +localhost leads to this machine/m)
    assert.match(
      stdout,
      /^ok {7} certificate .*certs holds no certificate: the first start orders one from 127\.0\.0\.1:\d+\.$/m,
    )
    assert.match(stdout, /^skipped {2} docker +docker-host is off\.$/m)
    assert.match(
      stdout,
      /^skipped {2} clock +The clock cannot be compared: 127\.0\.0\.1:\d+ does not answer/m,
    )
    assert.deepEqual((await readdir(ward.path())).toSorted(), ['certs', 'passwords', 'vhost.d'])
  })

  it('says that a name leads nowhere', async () => {
    await using ward = await openWard()
    const { code, stdout, stderr } = await ward.run('--domain', 'nowhere.invalid')
    assert.equal(code, 1)
    assert.match(
      stdout,
      /FAILED +dns +nowhere\.invalid cannot be resolved .*\n +→ It is a local name: give it an address/,
    )
    assert.match(
      stderr,
      /^error\[DOCTOR_FOUND\]: One thing does not work\. Do what the lines marked FAILED say/,
    )
  })

  it('tells the old stack on a port from Berth on it', async () => {
    await using ward = await openWard()
    const other = createTcpServer((socket) => socket.destroy()).listen(ward.https, '127.0.0.1')
    const server = createHttpServer((_, response) => {
      response.setHeader('docker-distribution-api-version', 'registry/2.0').end('{}')
    }).listen(ward.http, '127.0.0.1')
    await Promise.all([once(other, 'listening'), once(server, 'listening')])
    const taken = await ward.examine('ports')
    assert.match(
      formatAll(taken)[0] ?? '',
      /^failed: Another program listens on .*http\): no Berth runs on the data folder/,
    )
    assert.match(taken[0]?.remedy ?? '', /nginx-proxy of the old stack has to be stopped/)
    await mkdir(ward.path('berth-data'))
    {
      using _lock = lockDataFolder(ward.path('berth-data'))
      const own = formatAll(await ward.examine('ports'))
      assert.match(own[0] ?? '', /^ok: .*http\) answers$/)
      assert.match(own[1] ?? '', /^failed: .* or Berth there does not answer https$/)
    }
    server.close()
    other.close()
  })

  it('sees the chain as Docker does: a missing intermediate of the live host, then the files', async () => {
    await using ward = await openWard()
    const { leaf, lower, upper, root } = makeMail([HOST])
    const server = createServer({ cert: leaf.pem, key: leaf.keyPem }).listen(ward.https, '127.0.0.1')
    await once(server, 'listening')
    const [live] = await ward.examine('certificate')
    assert.match(
      live?.message ?? '',
      /^localhost as it is served: The certificate of Paper lower.* is missing$/,
    )
    assert.equal(live?.state, 'failed')
    server.close()
    await once(server, 'close')
    await writeFile(
      ward.path('certs', `${HOST}.crt`),
      [leaf, lower, upper, root].map(({ pem }) => pem).join(''),
    )
    await writeFile(ward.path('certs', `${HOST}.key`), upper.keyPem, { mode: 0o600 })
    const files = formatAll(await ward.examine('certificate'))
    assert.match(
      files.join('\n'),
      /^failed: .*localhost\.crt: The private key is not that of the certificate/m,
    )
  })

  it('says that there is no certificate and nobody to ask for one, and that a folder is none', async () => {
    await using ward = await openWard()
    const [none] = await ward.examine('certificate', '--acme', 'off')
    assert.deepEqual([none?.state, none?.remedy?.startsWith('Put one in place')], ['warning', true])
    const [wrong] = await ward.examine('certificate', '--certs', 'nowhere')
    assert.match(formatAll(wrong ? [wrong] : []).join(), /^failed: The folder .*nowhere does not exist$/)
  })

  it('names the vhost file and the line', async () => {
    await using ward = await openWard()
    await writeFile(ward.path('vhost.d', HOST), 'client_max_body_size 100m;\nauth_request /x;\n')
    const [found] = await ward.examine('vhost files')
    assert.equal(found?.state, 'failed')
    assert.match(found?.message ?? '', /vhost\.d\/localhost:2: "auth_request"/)
  })

  it('says that the users of the brief cannot log in, and what to do', async () => {
    await using ward = await openWard()
    const file = ward.path('passwords', HOST)
    await writeFile(file, `alice:${DES}\nbob:{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\ncarol:$y$j9T$x\n`)
    const [des] = await ward.examine('passwords')
    assert.match(
      formatAll(des ? [des] : []).join(),
      /^failed: .*localhost: \d of 3 users cannot log in: line 1: DES/,
    )
    assert.match(des?.remedy ?? '', /or start with --weak-hashes until they have$/)
    await writeFile(file, `alice:${DES}\n`)
    const [weak] = await ward.examine('passwords', '--weak-hashes')
    assert.deepEqual([weak?.state, weak?.message.startsWith(`${file}: line 1: DES`)], ['warning', true])
    await writeFile(file, 'alice:$apr1$Xgd6xqfP$kSx7oKbVQ7jZ5RZC2yq0z/\n')
    assert.match(
      formatAll(await ward.examine('passwords')).join(),
      /^ok: .*localhost: its one user can log in$/,
    )
  })

  it("reads the registry's own password file, and says who can push nowhere", async () => {
    await using ward = await openWard()
    const file = ward.path('users.htpasswd')
    const hash = '$2y$05$abcdefghijklmnopqrstuuO2ymE1i1Yl4qCKTMGZFjm4rTt8OKHGK'
    await writeFile(file, `carol:${hash}\na@b.c:${hash}\n`)
    const [found] = formatAll(await ward.examine('passwords', '--htpasswd-file', file))
    assert.match(found ?? '', /^warning: .*users\.htpasswd: line 2: the user can log in and push nowhere/)
    const [absent] = formatAll(await ward.examine('passwords', '--htpasswd-file', ward.path('none')))
    assert.match(absent ?? '', /^failed: .*none cannot be read/)
    // Users of other virtual hosts may have names that cannot own a repository.
    await writeFile(ward.path('passwords', 'other.example'), `a@b.c:${hash}\n`)
    assert.match(
      formatAll(await ward.examine('passwords')).join(),
      /^ok: .*other\.example: its one user can log in$/,
    )
  })

  it('looks at Docker, and says why it cannot be read from', async () => {
    await using ward = await openWard()
    await using engine = await startScriptedEngine()
    const at = ['--docker-host', engine.url]
    const [found] = await ward.examine('docker', ...at)
    assert.equal(found?.state, 'ok', found?.message ?? '')
    await engine.stop()
    const [gone] = await ward.examine('docker', ...at)
    assert.equal(gone?.state, 'failed')
    assert.ok(gone?.remedy)
  })

  it('writes to the disk as a push would, and says where it may not', async () => {
    await using ward = await openWard()
    await mkdir(ward.path('berth-data'))
    const disk = formatAll(await ward.examine('disk'))
    assert.match(disk.join('\n'), /GiB free in .*berth-data$/m)
    assert.match(disk.join('\n'), /An fsync in .*berth-data takes [\d.]+ ms$/m)
    assert.deepEqual(await readdir(ward.path('berth-data')), [])
    await writeFile(ward.path('file'), '')
    await chmod(ward.path('file'), 0o400)
    const [failed] = await ward.examine('disk', '--data', 'file/data')
    assert.match(
      formatAll(failed ? [failed] : []).join(),
      /^failed: A file stands at .*file\/data, or above it, where a folder has to be$/,
    )
  })

  it('is wrongly used with arguments and with settings that cannot be', async () => {
    await using ward = await openWard()
    assert.equal((await ward.run('surplus')).code, 2)
    assert.match((await ward.run('--listen-http', 'nowhere')).stderr, /^error\[VALUE_INVALID\]/)
  })
})
