import assert from 'node:assert/strict'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { runOk } from '../support/machine/run-command.ts'
import { type ImageRoom, openImageRoom } from './berth-image.ts'

const PASSWORD = 'correct horse battery'
const LATER_PASSWORD = 'another fine password'
const DOMAIN = 'registry.example.test'
/** User of the image. */
const USER = 65_532

describe('the image', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'ip', 'busybox', 'curl'),
}, () => {
  const resources = new AsyncDisposableStack()
  let berth: ImageRoom

  before(async () => {
    berth = resources.use(await openImageRoom())
  })
  after(() => resources.disposeAsync())

  const findAddress = async (name: string): Promise<string> => {
    const format = '{{(index .NetworkSettings.Networks "web").IPAddress}}'
    return (await berth.room.docker('inspect', '--format', format, name)).trim()
  }

  it('runs as its own user without any capability, on ports 80 and 443, and turns healthy', async () => {
    const { room, home, image, healthy } = berth
    await writeFile(join(home, 'password'), `${PASSWORD}\n`)
    await room.docker(
      ...['run', '-d', '--name', 'berth', '--network', 'web', '-v', 'berth:/data'],
      ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--read-only', '--tmpfs', '/tmp'],
      ...['--health-interval', '2s'],
      ...['-e', `BERTH_DOMAIN=${DOMAIN}`, '-e', 'BERTH_ACME=off'],
      ...['-e', 'BERTH_ADMIN_PASSWORD_FILE=/run/secrets/admin'],
      ...['-v', `${join(home, 'password')}:/run/secrets/admin:ro`, image],
    )
    await healthy('berth')
    assert.match(await room.docker('exec', 'berth', 'berth', 'version'), /^berth \d/)
    assert.doesNotMatch(await room.docker('logs', 'berth'), /correct horse/)
    const answer = await runOk('curl', [
      ...['-ski', '--max-time', '10', '--resolve', `${DOMAIN}:443:${await findAddress('berth')}`],
      ...['-u', `admin:${PASSWORD}`, `https://${DOMAIN}/v2/`],
    ])
    assert.match(answer, /^HTTP\/\S+ 200 /)
  })

  it('keeps accounts and content when the container is replaced', async () => {
    const { room, image, healthy, dockerWith } = berth
    const exec = (...args: string[]): Promise<string> =>
      dockerWith(`${LATER_PASSWORD}\n`, 'exec', '-i', 'berth', 'berth', ...args, '--password-stdin')
    await exec('user', 'passwd', 'admin')
    await room.docker('stop', '--time', '35', 'berth')
    assert.equal((await room.docker('inspect', '--format', '{{.State.ExitCode}}', 'berth')).trim(), '0')
    await room.docker('rm', 'berth')
    await room.docker(
      ...['run', '-d', '--name', 'berth', '--network', 'web', '-v', 'berth:/data'],
      ...['--health-interval', '2s'],
      ...['-e', 'BERTH_LISTEN_HTTP=:5000', '-e', 'BERTH_INSECURE_HTTP=true', '-p', '127.0.0.1::5000', image],
    )
    await healthy('berth')
    assert.match(await exec('selftest', '--username', 'admin'), /works\n$/)
    const url = `http://${await findAddress('berth')}:5000/v2/`
    const answer = await runOk('curl', ['-si', '-u', `admin:${LATER_PASSWORD}`, url])
    assert.match(answer, /^HTTP\/1\.1 200 /)
    // Through the port of 127.0.0.1, as in the brief: Docker needs no TLS there.
    const host = await berth.findPort('berth', 5000)
    await berth.logIn(host, 'admin', LATER_PASSWORD)
    await berth.pushAndPull(`${host}/admin/busybox:1`)
    await room.docker('restart', '--time', '35', 'berth')
    await healthy('berth')
    await room.docker('rm', '--force', 'berth')
  })

  it('starts by the brief’s docker run line, as the owner of its folder, and says so where it is another’s', async () => {
    const { room, home, image, healthy } = berth
    const storage = join(home, 'storage')
    await mkdir(storage)
    const line = [
      ...['--network', 'web', '-v', `${storage}:/registry`],
      ...['-e', 'REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/registry', '-e', `VIRTUAL_HOST=${DOMAIN}`],
      ...['-e', 'BERTH_ACME=off', '--health-interval', '2s'],
    ]
    await room.docker('run', '--name', 'refused', ...line, image).then(
      () => assert.fail('it started'),
      (error: Error) =>
        assert.match(error.message, /error\[DATA_NOT_WRITABLE\]: The user with id 65532 may not use/),
    )
    const { uid, gid } = await stat(storage)
    await room.docker('run', '-d', '--name', 'registry', '--user', `${uid}:${gid}`, ...line, image)
    await healthy('registry')
    assert.ok(uid !== USER && (await stat(join(storage, 'berth/berth.db'))).uid === uid)
  })
})
