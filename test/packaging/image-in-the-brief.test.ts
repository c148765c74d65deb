import assert from 'node:assert/strict'
import { appendFile, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { mailCertificates } from '../support/certificates/mail-certificates.ts'
import { addHostNames } from '../support/machine/hosts-file.ts'
import { runOk } from '../support/machine/run-command.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { DES_HASH, DOMAIN, VHOST_FILE } from '../support/vhost/brief-files.ts'
import { type ImageRoom, openImageRoom } from './berth-image.ts'

const PASSWORD = 'correct horse battery'
/** A user of the machine that owns the folders, as the reader of the brief does. */
const OWNER = 12_345

describe('the image in the place of the brief’s two', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'openssl', 'ip', 'busybox', 'curl'),
}, () => {
  const resources = new AsyncDisposableStack()
  let berth: ImageRoom
  let rootFile: string
  const nginx = (...path: string[]): string => join(berth.home, 'nginx', ...path)
  before(async () => {
    berth = resources.use(await openImageRoom())
  })
  after(() => resources.disposeAsync())

  it('takes folders as the brief fills them', async () => {
    const { home } = berth
    for (const name of ['certs', 'vhost.d', 'passwords']) await mkdir(nginx(name), { recursive: true })
    await mkdir(join(home, 'registry/storage'), { recursive: true })
    await runOk(BERTH_BIN, ['cert', 'csr', DOMAIN], { cwd: home })
    await mkdir(join(home, 'ca'))
    const mailed = await mailCertificates(join(home, 'ca'), join(home, `${DOMAIN.replaceAll('.', '_')}.csr`))
    rootFile = mailed.rootFile
    const chain = await Promise.all(mailed.files.toReversed().map((file) => readFile(file, 'utf8')))
    await writeFile(nginx('certs', `${DOMAIN}.crt`), chain.join(''))
    await copyFile(join(home, `${DOMAIN.replaceAll('.', '_')}.key`), nginx('certs', `${DOMAIN}.key`))
    await writeFile(nginx('vhost.d', DOMAIN), VHOST_FILE)
    // Without a line break, as the brief's printf leaves it.
    for (const name of ['alice', 'bob']) await appendFile(nginx('passwords', DOMAIN), `${name}:${DES_HASH}n`)
    await runOk('chown', ['-R', `${OWNER}:${OWNER}`, join(home, 'nginx'), join(home, 'registry')])
  })

  it('starts by the lines of the brief, joined, with a read-only root, as the owner of the folders', async () => {
    const { room, image, home, healthy } = berth
    const socket = room.url.slice('unix://'.length)
    const { gid } = await stat(socket)
    await room.docker(
      ...['run', '-d', '-p', '127.0.0.1::443', '--network', 'web'],
      ...['-v', `${home}/registry/storage:/registry`],
      ...['-e', 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/registry', '-e', `VIRTUAL_HOST=${DOMAIN}`],
      ...['certs', 'vhost.d', 'passwords'].flatMap((name) => ['-v', `${nginx(name)}:/etc/nginx/${name}:ro`]),
      ...['-v', `${socket}:/tmp/docker.sock:ro`, '--name', 'nginx'],
      // The user owns the brief's folders; registry:2.0 and nginx-proxy run as root, which needs no such flags.
      ...['--user', `${OWNER}:${OWNER}`, '--group-add', String(gid), '--read-only', '--tmpfs', '/run'],
      ...['-e', 'BERTH_WEAK_HASHES=true', '-e', 'BERTH_ACME=off', '--health-interval', '2s', image],
    )
    await healthy('nginx')
    assert.equal((await stat(join(home, 'registry/storage/berth/berth.db'))).uid, OWNER)
    const list = await room.docker('exec', 'nginx', 'berth', 'site', 'list')
    assert.match(list, new RegExp(`^${DOMAIN} +up +registry `, 'm'))
    const site = ['-e', 'VIRTUAL_HOST=app.example.test', '-e', 'VIRTUAL_PORT=80']
    await room.run('app', site, ['/bin/busybox', 'httpd', '-f', '-h', '/bin'])
    // Without a certificate of its own, it is served without TLS.
    await berth.served('nginx', 'app.example.test', 'degraded')
  })

  it('lets the users of the brief log in, push and pull with Docker', async () => {
    const { room } = berth
    const port = (await berth.findPort('nginx', 443)).split(':').at(-1) ?? ''
    const host = `${DOMAIN}:${port}`
    resources.use(await addHostNames('127.0.0.1', [DOMAIN]))
    const trust = join('/etc/docker/certs.d', host)
    await mkdir(trust, { recursive: true })
    resources.defer(() => rm(trust, { recursive: true }))
    await copyFile(rootFile, join(trust, 'ca.crt'))
    assert.match(await berth.logIn(host, 'alice', 'password'), /Login Succeeded/)
    await berth.pushAndPull(`${host}/alice/hello-world`)
    await assert.rejects(berth.logIn(host, 'alice', 'wrong'), /unauthorized/)
    // Nothing of it is lost by a restart.
    await room.docker('restart', '--time', '35', 'nginx')
    await berth.healthy('nginx')
    const again = `${DOMAIN}:${(await berth.findPort('nginx', 443)).split(':').at(-1)}`
    const reference = `${again}/v2/alice/hello-world/tags/list`
    const tags = await runOk('curl', [
      '-s',
      '--cacert',
      rootFile,
      '-u',
      'alice:password',
      `https://${reference}`,
    ])
    assert.deepEqual(JSON.parse(tags), { name: 'alice/hello-world', tags: ['latest'] })
  })

  it('stops and goes', async () => {
    const { room } = berth
    await room.docker('stop', '--time', '35', 'nginx')
    assert.equal((await room.docker('inspect', '--format', '{{.State.ExitCode}}', 'nginx')).trim(), '0')
    await room.docker('rm', '--force', 'nginx', 'app')
  })

  it('gives the administrator a password by "docker exec berth berth user passwd admin"', async () => {
    const { room, image, healthy } = berth
    await room.docker(
      ...['run', '-d', '--name', 'berth', '--network', 'web', '-v', 'berth:/data', '-p', '127.0.0.1::5000'],
      ...['-e', 'BERTH_LISTEN_HTTP=:5000', '-e', 'BERTH_INSECURE_HTTP=true'],
      ...['--health-interval', '2s', image],
    )
    await healthy('berth')
    const exec = ['exec', '-i', 'berth', 'berth', 'user', 'passwd', 'admin', '--password-stdin']
    await berth.dockerWith(`${PASSWORD}\n`, ...exec)
    const host = await berth.findPort('berth', 5000)
    assert.match(await berth.logIn(host, 'admin', PASSWORD), /Login Succeeded/)
    await berth.pushAndPull(`${host}/admin/hello-world`)
    await room.docker('rm', '--force', '--volumes', 'berth')
  })

  it('warns where it is reachable from inside its container only', async () => {
    const { room, image, healthy } = berth
    await room.docker('run', '-d', '--name', 'lonely', '--network', 'web', '--health-interval', '2s', image)
    await healthy('lonely')
    const logs = await room.docker('logs', 'lonely')
    assert.match(
      logs,
      /"level":"warn".*reachable inside this container only.*BERTH_DOMAIN.*BERTH_LISTEN_HTTP=:5000/,
    )
    await room.docker('rm', '--force', '--volumes', 'lonely')
  })
})
