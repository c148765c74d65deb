import assert from 'node:assert/strict'
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { skipReason } from '../parts/find-parts.ts'
import { mailCertificates } from '../support/certificates/mail-certificates.ts'
import { type DockerRoom, IMAGE, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { DES_HASH, DOMAIN, VHOST_FILE } from '../support/vhost/brief-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SITE = 'app.example.test'
/** Folders that a program of this machine needs in a container whose image has only busybox. */
const SYSTEM = ['/usr', '/lib', '/lib64'].flatMap((path) => ['-v', `${path}:${path}:ro`])

describe('Berth in the place of the brief’s two containers', {
  skip: skipReason('docker', 'dockerd', 'openssl', 'ip', 'busybox', 'curl'),
}, () => {
  const resources = new AsyncDisposableStack()
  let room: DockerRoom
  let home: string
  let rootFile: string
  let address: string
  const nginx = (...path: string[]): string => join(home, 'nginx', ...path)
  const requestHost = (host: string, path: string, ...more: string[]): Promise<string> =>
    runOk('curl', [
      ...['-si', '--max-time', '10', '--cacert', rootFile, '--resolve', `${host}:443:${address}`],
      ...[...more, `https://${host}${path}`],
    ])

  before(async () => {
    home = resources.use(await makeTempFolder('contained')).path
    room = resources.use(await openDockerRoom())
    for (const folder of ['certs', 'vhost.d', 'passwords']) await mkdir(nginx(folder), { recursive: true })
    await mkdir(join(home, 'registry', 'storage'), { recursive: true })
  })
  after(() => resources.disposeAsync())

  it('takes the files of the brief, byte for byte', async () => {
    const cli = (...args: string[]): Promise<string> => runOk(BERTH_BIN, args, { cwd: home })
    await cli('cert', 'csr', DOMAIN, SITE)
    await mkdir(join(home, 'ca'))
    const mailed = await mailCertificates(join(home, 'ca'), join(home, 'registry_example_test.csr'))
    rootFile = mailed.rootFile
    // As in the brief: the files concatenated, the key copied beside them.
    const bundle = await Promise.all(mailed.files.toReversed().map((file) => readFile(file, 'utf8')))
    for (const host of [DOMAIN, SITE]) {
      await writeFile(nginx('certs', `${host}.crt`), bundle.join(''))
      await writeFile(nginx('certs', `${host}.key`), await readFile(join(home, 'registry_example_test.key')))
    }
    await writeFile(nginx('vhost.d', DOMAIN), VHOST_FILE)
    // The brief's printf ends in "n" instead of "\n", so that both users are on one line.
    for (const name of ['alice', 'bob']) await appendFile(nginx('passwords', DOMAIN), `${name}:${DES_HASH}n`)
  })

  it('starts by the brief’s own docker run lines, with the mount points of both containers', async () => {
    await room.docker(
      ...['run', '-d', '--name', 'berth', '--network', 'web', ...SYSTEM, '-v', `${ROOT}:/berth:ro`],
      ...['-v', `${join(home, 'registry', 'storage')}:/registry`],
      ...['-e', 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/registry', '-e', `VIRTUAL_HOST=${DOMAIN}`],
      ...['certs', 'vhost.d', 'passwords'].flatMap((name) => ['-v', `${nginx(name)}:/etc/nginx/${name}:ro`]),
      ...['-v', `${room.url.slice('unix://'.length)}:/tmp/docker.sock:ro`],
      ...['-e', 'BERTH_WEAK_HASHES=true', '-e', 'BERTH_ACME=off', IMAGE, '/berth/bin/berth', 'serve'],
    )
    const format = '{{(index .NetworkSettings.Networks "web").IPAddress}}'
    address = (await room.docker('inspect', '--format', format, 'berth')).trim()
    await until(async () => /^HTTP\/1\.1 401 /.test(await requestHost(DOMAIN, '/v2/').catch(String)), logs)
    assert.match(await requestHost(DOMAIN, '/v2/'), /^docker-distribution-api-version: registry\/2\.0\r$/im)
  })

  it('lets the users of the brief in, and nobody else', async () => {
    for (const name of ['alice', 'bob'])
      assert.match(
        await requestHost(DOMAIN, '/v2/', '-u', `${name}:password`),
        /^HTTP\/1\.1 200 [\s\S]*\r\n\{\}$/,
      )
    assert.match(await requestHost(DOMAIN, '/v2/', '-u', 'alice:wrong'), /^HTTP\/1\.1 401 /)
    const started = await requestHost(
      DOMAIN,
      '/v2/alice/app/blobs/uploads/',
      '-u',
      'alice:password',
      '-X',
      'POST',
    )
    assert.match(started, /^HTTP\/1\.1 202 /)
  })

  it('serves another container of its network, and not itself', async () => {
    await room.run(
      'app',
      ['-e', `VIRTUAL_HOST=${SITE}`, '-e', 'VIRTUAL_PORT=80'],
      [
        ...[
          '/bin/sh',
          '-c',
          '/bin/busybox mkdir /www; echo hello > /www/index.html; exec /bin/busybox httpd -f -p 80 -h /www',
        ],
      ],
    )
    await until(
      async () => /^HTTP\/2 200 [\s\S]*hello/.test(await requestHost(SITE, '/').catch(String)),
      logs,
    )
    const list = await room.docker('exec', 'berth', '/berth/bin/berth', 'site', 'list')
    assert.match(list, new RegExp(`^${DOMAIN} +up +registry `, 'm'))
    assert.match(list, new RegExp(`^${SITE} +up `, 'm'))
    assert.doesNotMatch(await logs(), /declares this host, too/, 'its own container is no rival')
  })

  it('stops well', async () => {
    await room.docker('stop', '--time', '20', 'berth')
    assert.equal(
      (await room.docker('inspect', '--format', '{{.State.ExitCode}}', 'berth')).trim(),
      '0',
      await logs(),
    )
  })

  /** Logs, as the operator sees them. */
  async function logs(): Promise<string> {
    const list = await room.docker('exec', 'berth', '/berth/bin/berth', 'site', 'list').catch(String)
    return `${list}\n${await room.docker('logs', 'berth')}`
  }
})
