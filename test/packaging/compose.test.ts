import assert from 'node:assert/strict'
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { runFailing, runOk } from '../support/machine/run-command.ts'
import { type ImageRoom, openImageRoom } from './berth-image.ts'
import { CHECKOUT } from './packages.ts'

const DOMAIN = 'registry.example.test'
const SITE = 'app.example.test'
const PASSWORD = 'correct horse battery'

/** Settings of this machine alone: the room's network, and no CA of the internet. Times are short for the test. */
const OF_THE_TEST = `services:
  berth:
    environment: { BERTH_ACME: 'off', BERTH_LOCAL_CA: all }
    healthcheck: { interval: 2s }
networks:
  default: { name: web, external: true }
`

describe('the compose file', {
  skip: skipReason('docker', 'docker-compose', 'dockerd', 'buildah', 'ip', 'busybox', 'curl'),
}, () => {
  const resources = new AsyncDisposableStack()
  let berth: ImageRoom
  let env: NodeJS.ProcessEnv
  const file = (name: string): string[] => ['--file', join(berth.home, 'project', name)]
  const compose = (...args: string[]): Promise<string> => {
    const files = [...file('compose.yaml'), ...file('compose.docker-hosts.yaml'), ...file('test.yaml')]
    return runOk(part('docker-compose'), [...files, ...args], { env })
  }

  before(async () => {
    berth = resources.use(await openImageRoom())
    assert.equal(berth.image, 'berth:0.1.0')
    const socket = berth.room.url.slice('unix://'.length)
    const { gid } = await stat(socket)
    env = {
      ...{ PATH: process.env.PATH, HOME: berth.home, DOCKER_HOST: berth.room.url },
      ...{ DOMAIN, HTTP_PORT: '127.0.0.1:', HTTPS_PORT: '127.0.0.1:', DOCKER_GROUP: String(gid) },
    }
    await mkdir(join(berth.home, 'project'))
    for (const name of ['compose.yaml', 'compose.docker-hosts.yaml']) {
      const text = await readFile(join(CHECKOUT, 'packaging', name), 'utf8')
      // The engine of the room has its socket elsewhere.
      const here = text.replace("'/var/run/docker.sock:", `'${socket}:`)
      await writeFile(join(berth.home, 'project', name), here)
    }
    await writeFile(join(berth.home, 'project', 'test.yaml'), OF_THE_TEST)
  })
  after(() => resources.disposeAsync())

  it('demands the domain', async () => {
    const { DOMAIN: _, ...without } = env
    const said = await runFailing(part('docker-compose'), [...file('compose.yaml'), 'config'], {
      env: without,
    })
    assert.match(said, /DOMAIN/)
  })

  it('starts Berth with the default ports and a volume', async () => {
    const shown = await runOk(part('docker-compose'), [...file('compose.yaml'), 'config'], {
      env: { ...env, HTTP_PORT: '', HTTPS_PORT: '' },
    })
    assert.match(shown, /published: 80\n +target: 80\n[\s\S]*published: 443\n +target: 443\n/)
    await compose('up', '--detach')
    await berth.healthy('project_berth_1')
    const format =
      '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{range .Mounts}}{{.Destination}} {{end}}'
    const facts = await berth.room.docker('inspect', '--format', format, 'project_berth_1')
    assert.match(facts, /^true \[ALL\] (?:.* )?\/data /)
  })

  it('gives a password, and serves the registry and another container', async () => {
    await runOk(
      'sh',
      [
        ...[
          '-c',
          'printf "%s\\n" "$1" | "$0" "$2" "$3" exec -T berth berth user passwd admin --password-stdin',
        ],
        ...[part('docker-compose'), PASSWORD, ...file('compose.yaml')],
      ],
      { env },
    )
    const page = '/bin/busybox mkdir /www; echo hello > /www/index.html; exec /bin/busybox httpd -f -h /www'
    await berth.room.run(
      'app',
      ['-e', `VIRTUAL_HOST=${SITE}`, '-e', 'VIRTUAL_PORT=80'],
      ['/bin/sh', '-c', page],
    )
    const port = (await berth.findPort('project_berth_1', 443)).split(':').at(-1)
    const read = (host: string, path: string): Promise<string> =>
      runOk('curl', [
        ...['-skiL', '--max-time', '10', '--resolve', `${host}:${port}:127.0.0.1`, '-u', `admin:${PASSWORD}`],
        `https://${host}:${port}${path}`,
      ])
    assert.match(await read(DOMAIN, '/v2/'), /^HTTP\/\S+ 200 /)
    await berth.served('project_berth_1', SITE, 'up')
    assert.match(await read(SITE, '/'), /^HTTP\/\S+ 200 [\s\S]*\nhello\n/)
  })

  it('keeps the volume when it goes and comes', async () => {
    await compose('down')
    await compose('up', '--detach')
    await berth.healthy('project_berth_1')
    const users = await compose('exec', '-T', 'berth', 'berth', 'user', 'list')
    assert.match(users, /^admin /m)
    await compose('down', '--volumes')
    await berth.room.docker('rm', '--force', 'app')
  })
})
