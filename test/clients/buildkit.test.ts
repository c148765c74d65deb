import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { startBuildkitd } from '../parts/start-buildkitd.ts'
import type { StartedDaemon } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'

const DOCKERFILE = `
FROM scratch AS made
COPY busybox /bin/busybox
SHELL ["/bin/busybox", "sh", "-c"]
RUN /bin/busybox head -c 16 /dev/urandom > /made
FROM scratch
COPY --from=made /made /made
`

describe('BuildKit', { skip: skipReason('buildkitd', 'buildctl', 'runc', 'busybox') }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon

  before(async () => {
    room = await openClientRoom()
    daemon = await startBuildkitd(room.berth.host)
    await mkdir(join(room.folder, 'context'))
    await copyFile(part('busybox'), join(room.folder, 'context', 'busybox'))
    await writeFile(join(room.folder, 'context', 'Dockerfile'), DOCKERFILE)
    const auth = Buffer.from(`alice:${room.berth.requirePassword('alice')}`).toString('base64')
    const settings = JSON.stringify({ auths: { [room.berth.host]: { auth } } })
    await writeFile(join(room.folder, 'docker', 'config.json'), settings)
  })
  after(async () => {
    await daemon?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  // An index whose entries are layers, or an image whose layers are the cache's.
  for (const form of ['index', 'image'] as const) {
    it(`pushes an image and its cache as an ${form}, loses both, and builds the same from the cache`, async () => {
      const cache = `ref=${room.berth.host}/alice/cache:${form}`
      const exported = `type=registry,mode=max,image-manifest=${form === 'image'},${cache}`
      const first = await build(`${form}:1`, ['--export-cache', exported])
      await control('prune', '--all')
      const second = await build(`${form}:2`, ['--import-cache', `type=registry,${cache}`])
      assert.equal(second, first, 'a step that ran again would have made other bytes')
      await control('prune', '--all')
      assert.notEqual(await build(`${form}:3`, []), first)
    })
  }

  it('is refused the repository of another', async () => {
    const output = `type=image,push=true,name=${room.berth.host}/bob/app:1`
    const failure = await room.runFailing('buildctl', buildArgs(['--output', output]))
    assert.match(failure, /401|403|denied|unauthorized|insufficient_scope/i)
  })

  /** Builds and pushes. @returns the digests of its layers, as the registry has them. */
  async function build(name: string, options: readonly string[]): Promise<string> {
    const reference = `${room.berth.host}/alice/${name}`
    await room.run('buildctl', buildArgs(['--output', `type=image,push=true,name=${reference}`, ...options]))
    const [repository, tag] = name.split(':')
    const response = await fetch(`http://${room.berth.host}/v2/alice/${repository}/manifests/${tag}`, {
      headers: {
        authorization: room.berth.authorization('alice'),
      },
    })
    assert.equal(response.status, 200)
    const manifest = (await response.json()) as { layers: readonly { digest: string }[] }
    return manifest.layers.map(({ digest }) => digest).join()
  }

  function buildArgs(options: readonly string[]): string[] {
    const context = join(room.folder, 'context')
    const local = ['--local', `context=${context}`, '--local', `dockerfile=${context}`]
    return [
      '--addr',
      `unix://${daemon.socket}`,
      'build',
      '--frontend',
      'dockerfile.v0',
      '--progress',
      'plain',
      ...local,
      ...options,
    ]
  }

  async function control(...args: readonly string[]): Promise<string> {
    return room.run('buildctl', ['--addr', `unix://${daemon.socket}`, ...args])
  }
})
