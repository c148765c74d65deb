import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { startContainerd } from '../parts/start-containerd.ts'
import type { StartedDaemon } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeRunnableImage } from '../support/content/busybox.ts'
import { type Image, makeImage, makeIndex } from '../support/content/make-image.ts'
import { makeOciArchive } from '../support/content/oci-archive.ts'

describe('containerd', { skip: skipReason('containerd', 'ctr', 'runc', 'busybox') }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon
  const ctr = (...args: string[]): Promise<string> => room.run('ctr', ['--address', daemon.socket, ...args])
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`
  const as = (user: string): string[] => [
    '--plain-http',
    '--user',
    `${user}:${room.berth.requirePassword(user)}`,
  ]

  before(async () => {
    daemon = await startContainerd()
    room = await openClientRoom()
  })
  after(async () => {
    await daemon?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  it('pushes an image, loses it, pulls it and runs it', async () => {
    await importImage(reference('app:1'), makeRunnableImage('ship ahoy'))
    await ctr('images', 'push', ...as('alice'), reference('app:1'))
    await ctr('images', 'remove', '--sync', reference('app:1'))
    await ctr('images', 'pull', ...as('alice'), '--snapshotter', 'native', reference('app:1'))
    const run = ['run', '--rm', '--snapshotter', 'native', reference('app:1'), 'berth-test']
    assert.equal(await ctr(...run), 'ship ahoy\n')
  })

  it('pushes and pulls an index with all its platforms', async () => {
    const platforms = ['amd64', 'arm64'].map((architecture) =>
      makeImage({
        layers: [[{ path: 'for', bytes: Buffer.from(architecture) }]],
        platform: { os: 'linux', architecture },
      }),
    )
    const index = makeIndex(platforms)
    await importImage(reference('many:1'), index)
    await ctr('images', 'push', ...as('alice'), reference('many:1'))
    await ctr('images', 'remove', '--sync', reference('many:1'))
    await ctr('content', 'fetch', ...as('alice'), '--all-platforms', reference('many:1'))
    const listed = await ctr('images', 'list', `name==${reference('many:1')}`)
    assert.ok(listed.includes(index.root.descriptor.digest))
    assert.match(listed, /linux\/amd64,linux\/arm64/)
  })

  it('is refused without a log-in, with a wrong password, and in the repository of another', async () => {
    const image = makeRunnableImage('not for all')
    await importImage(reference('closed:1'), image)
    const push = ['--address', daemon.socket, 'images', 'push']
    const denied = /401|403|unauthorized|forbidden|authorization failed|insufficient_scope/i
    const nobody = [...push, '--plain-http', reference('closed:1')]
    assert.match(await room.runFailing('ctr', nobody), denied)
    const wrong = [...push, '--plain-http', '--user', 'alice:not hers', reference('closed:1')]
    assert.match(await room.runFailing('ctr', wrong), denied)
    const foreign = `${room.berth.host}/bob/app:1`
    await importImage(foreign, image)
    assert.match(await room.runFailing('ctr', [...push, ...as('alice'), foreign]), denied)
  })

  async function importImage(name: string, image: Image): Promise<void> {
    const archive = join(room.folder, 'image.tar')
    await writeFile(archive, makeOciArchive(name, image))
    await ctr('images', 'import', '--no-unpack', '--all-platforms', archive)
  }
})
