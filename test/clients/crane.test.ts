import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeImage, makeIndex } from '../support/content/make-image.ts'
import { readOciLayout, writeOciLayout } from '../support/content/oci-layout.ts'

const IMAGE = makeImage({
  layers: [[{ path: 'a', bytes: Buffer.from('a') }], [{ path: 'b', bytes: Buffer.alloc(70_000, 7) }]],
})
const OTHER_PLATFORM = makeImage({
  layers: [[{ path: 'a', bytes: Buffer.from('a') }]],
  platform: { os: 'linux', architecture: 's390x' },
})
const INDEX = makeIndex([IMAGE, OTHER_PLATFORM])

describe('crane', { skip: skipReason('crane') }, () => {
  let room: ClientRoom
  let layout: string
  let indexLayout: string
  const crane = (...args: string[]): Promise<string> => room.run('crane', args)
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    room = await openClientRoom()
    layout = join(room.folder, 'layout')
    indexLayout = join(room.folder, 'index-layout')
    await writeOciLayout(layout, { app: IMAGE })
    await writeOciLayout(indexLayout, { app: INDEX })
    const login = ['auth', 'login', room.berth.host, '-u', 'alice', '--password-stdin']
    await room.run('crane', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('pushes an image and pulls the same bytes', async () => {
    await crane('push', layout, reference('pushed:1'))
    assert.equal((await crane('digest', reference('pushed:1'))).trim(), IMAGE.root.descriptor.digest)
    await crane('validate', '--remote', reference('pushed:1'))
    const pulled = join(room.folder, 'pulled')
    await crane('pull', '--format=oci', reference('pushed:1'), pulled)
    const { digests } = await readOciLayout(pulled)
    assert.deepEqual(
      digests,
      new Set([IMAGE.root, ...IMAGE.contents].map(({ descriptor }) => descriptor.digest)),
    )
  })

  it('copies an index with all its platforms into another repository', async () => {
    await crane('push', indexLayout, reference('many:1'))
    await crane('copy', reference('many:1'), reference('many-copied:2'))
    await crane('validate', '--remote', reference('many-copied:2'))
    const platform = ['--platform', 'linux/s390x']
    const digest = await crane('digest', ...platform, reference('many-copied:2'))
    assert.equal(digest.trim(), OTHER_PLATFORM.root.descriptor.digest)
  })

  it('lists tags in order, and the repositories of its user only', async () => {
    for (const tag of ['v2', 'v10', 'v1']) await crane('push', layout, reference(`listed:${tag}`))
    assert.equal(await crane('ls', reference('listed')), 'v1\nv10\nv2\n')
    const repositories = (await crane('catalog', room.berth.host)).trim().split('\n')
    assert.ok(repositories.includes('alice/listed'))
    assert.ok(repositories.every((name) => name.startsWith('alice/')))
  })

  it('tags, appends a layer, and changes a label', async () => {
    await crane('push', layout, reference('changed:1'))
    await crane('tag', reference('changed:1'), 'same')
    assert.equal(
      await crane('digest', reference('changed:same')),
      await crane('digest', reference('changed:1')),
    )
    await crane('mutate', '--label', 'colour=green', '-t', reference('changed:2'), reference('changed:1'))
    assert.match(await crane('config', reference('changed:2')), /"colour":"green"/)
    await crane('validate', '--remote', reference('changed:2'))
  })

  it('deletes a tag, then the manifest', async () => {
    await crane('push', layout, reference('deleted:1'))
    const digest = (await crane('digest', reference('deleted:1'))).trim()
    await crane('delete', reference('deleted:1'))
    assert.match(await room.runFailing('crane', ['digest', reference('deleted:1')]), /MANIFEST_UNKNOWN|404/)
    await crane('delete', reference(`deleted@${digest}`))
    assert.match(
      await room.runFailing('crane', ['digest', reference(`deleted@${digest}`)]),
      /MANIFEST_UNKNOWN|404/,
    )
  })

  it('may not push to or pull from the repository of another', async () => {
    const foreign = `${room.berth.host}/bob/app:1`
    assert.match(await room.runFailing('crane', ['push', layout, foreign]), /DENIED|403/)
    assert.match(await room.runFailing('crane', ['manifest', foreign]), /DENIED|403/)
  })
})
