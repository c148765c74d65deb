import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { type DockerRoom, IMAGE, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { findImageFile } from './berth-image.ts'

const PASSWORD = 'correct horse battery'
const DOMAIN = 'registry.example.test'
/** Largest image, compressed, in bytes. */
const MAX_BYTES = 60_000_000
/** User of the image. */
const USER = 65_532

describe('the image', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'ip', 'busybox', 'curl'),
}, () => {
  const resources = new AsyncDisposableStack()
  let room: DockerRoom
  let home: string
  let image: string

  before(async () => {
    home = resources.use(await makeTempFolder('image')).path
    // Users of containers pass through.
    await chmod(home, 0o755)
    const file = await findImageFile(home)
    room = resources.use(await openDockerRoom())
    image = /Loaded image: (\S+)/.exec(await room.docker('load', '--input', file))?.[1] ?? ''
    assert.ok((await stat(file)).size < MAX_BYTES)
    const sbom = JSON.parse(await readFile(file.replace(/tar$/, 'spdx.json'), 'utf8')) as {
      packages: { name: string }[]
    }
    const names = sbom.packages.map(({ name }) => name)
    for (const name of ['berth', 'pino', 'libc6']) assert.ok(names.includes(name), name)
  })
  after(() => resources.disposeAsync())

  const findAddress = async (name: string): Promise<string> =>
    (
      await room.docker(
        ...['inspect', '--format', '{{(index .NetworkSettings.Networks "web").IPAddress}}', name],
      )
    ).trim()
  const selftest = (name: string, password: string): Promise<string> =>
    runOk('sh', [
      '-c',
      'printf %s "$2" | "$0" --host "$1" exec -i "$3" berth selftest --username admin --password-stdin',
      ...[part('docker'), room.url, password, name],
    ])
  const healthy = (name: string): Promise<void> =>
    until(async () => {
      const state = await room.docker('inspect', '--format', '{{.State.Health.Status}}', name)
      return state.trim() === 'healthy'
    }, name)

  it('runs as its own user without any capability, on ports 80 and 443, and turns healthy', async () => {
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
    const set =
      'printf "%s\\n" "$2" | "$0" --host "$1" exec -i berth berth user passwd admin --password-stdin'
    await runOk('sh', ['-c', set, part('docker'), room.url, 'another fine password'])
    await room.docker('stop', '--time', '35', 'berth')
    assert.equal((await room.docker('inspect', '--format', '{{.State.ExitCode}}', 'berth')).trim(), '0')
    await room.docker('rm', 'berth')
    await room.docker(
      ...['run', '-d', '--name', 'berth', '--network', 'web', '-v', 'berth:/data'],
      ...['--health-interval', '2s'],
      ...['-e', 'BERTH_LISTEN_HTTP=:5000', '-e', 'BERTH_INSECURE_HTTP=true', '-p', '127.0.0.1::5000', image],
    )
    await healthy('berth')
    assert.match(await selftest('berth', 'another fine password'), /works\n$/)
    const host = `${await findAddress('berth')}:5000`
    const answer = await runOk('curl', ['-si', '-u', 'admin:another fine password', `http://${host}/v2/`])
    assert.match(answer, /^HTTP\/1\.1 200 /)
    await pushAndPull()
    await room.docker('restart', '--time', '35', 'berth')
    await healthy('berth')
    await room.docker('rm', '--force', 'berth')
  })

  it('starts by the brief’s docker run line, as the owner of its folder, and says so where it is another’s', async () => {
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

  /** Through the port of 127.0.0.1, as in the brief: Docker needs no TLS there. */
  async function pushAndPull(): Promise<void> {
    const host = (await room.docker('port', 'berth', '5000')).trim()
    const config = ['--config', join(home, 'docker')]
    const login = 'printf %s "$2" | "$0" --host "$1" --config "$3" login "$4" -u admin --password-stdin'
    await runOk('sh', [
      ...['-c', login, part('docker'), room.url, 'another fine password', join(home, 'docker'), host],
    ])
    const reference = `${host}/admin/busybox:1`
    await room.docker('tag', IMAGE, reference)
    await room.docker(...config, 'push', reference)
    await room.docker('rmi', reference)
    await room.docker(...config, 'pull', reference)
    const [pushed, pulled] = await Promise.all(
      [IMAGE, reference].map((name) => room.docker('inspect', '--format', '{{.Id}}', name)),
    )
    assert.equal(pulled, pushed)
  }

  /** Waits for a condition, a minute at most. */
  async function until(holds: () => Promise<boolean>, name: string): Promise<void> {
    const deadline = Date.now() + 60_000
    while (!(await holds())) {
      if (Date.now() > deadline) assert.fail(await room.docker('logs', name))
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
})
