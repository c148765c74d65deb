import assert from 'node:assert/strict'
import { chmod, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { type ImageRoom, openImageRoom } from './berth-image.ts'

/** User of the machine that runs the setup, and has no rights of root. */
const OWNER = 12_345

describe('berth setup where Docker is there and no service is installed', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'ip', 'busybox', 'curl'),
  timeout: 600_000,
}, () => {
  const resources = new AsyncDisposableStack()
  let berth: ImageRoom

  before(async () => {
    berth = resources.use(await openImageRoom())
  })
  after(() => resources.disposeAsync())

  for (const owner of [process.getuid?.() ?? 0, OWNER]) {
    it(`prints a docker run that starts the registry with its data, as user ${owner}`, async () => {
      await using folder = await makeTempFolder('setup container')
      await chmod(folder.path, 0o755)
      await runOk('chown', [`${owner}`, folder.path])
      const https = await findFreePort()
      const env = { ...cleanEnvironment(), PATH: `${join(part('docker'), '..')}:${process.env.PATH}` }
      const listen = [
        '--listen-http',
        `127.0.0.1:${await findFreePort()}`,
        '--listen-https',
        `127.0.0.1:${https}`,
      ]
      const args = ['setup', '--config', 'berth.yaml', '--domain', 'localhost', '--acme', 'off', ...listen]
      // The socket of the engine is for root; who uses Docker without root has a group for that.
      const asOwner = { ...{ cwd: folder.path, uid: owner }, env: { ...env, DOCKER_HOST: berth.room.url } }
      const socket = berth.room.url.slice('unix://'.length)
      await chmod(socket, 0o666)
      await chmod(dirname(socket), 0o755)
      const done = await runCommand(BERTH_BIN, args, asOwner)
      assert.equal(done.code, 0, done.stdout + done.stderr)
      assert.doesNotMatch(done.stdout, /docker load/)
      const [, line = ''] = /^ {2}(docker run .*)$/m.exec(done.stdout) ?? []
      const [, password = ''] = /^Password, shown only now: (\S+)$/m.exec(done.stdout) ?? []

      assert.ok(line && password, done.stdout)
      // The engine of the room has no network of its own, and a health check every 30 s is long for a test.
      const run = line.replace('docker run', 'docker run --network web --health-interval 2s')
      await runOk('sh', ['-c', run], { env: asOwner.env })
      resources.defer(
        async () => void (await runCommand(part('docker'), ['-H', berth.room.url, 'rm', '-f', 'berth'])),
      )
      await berth.healthy('berth')
      const get = [
        '-sk',
        '--max-time',
        '10',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '-u',
        `admin:${password}`,
      ]
      assert.equal(await runOk('curl', [...get, `https://localhost:${https}/v2/`]), '200')
      assert.equal((await stat(join(folder.path, 'berth-data/berth.db'))).uid, owner)
      // Commands inside and outside have the same data.
      const names = ['user', 'add', 'robot', '--password-stdin']
      await berth.dockerWith('correct horse battery\n', 'exec', '-i', 'berth', 'berth', ...names)
      const list = await runCommand(BERTH_BIN, ['user', 'list', '--config', 'berth.yaml'], asOwner)
      assert.match(list.stdout, /^robot /m)
      assert.doesNotMatch(list.stderr, /knows this folder as/)
      await berth.room.docker('rm', '--force', 'berth')
    })
  }
})
