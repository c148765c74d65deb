import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { type Image, makeImage, makeIndex } from '../support/content/make-image.ts'
import { readOciLayout, writeOciLayout } from '../support/content/oci-layout.ts'

const AMD64 = imageFor('amd64')
const INDEX = makeIndex([AMD64, imageFor('arm64'), imageFor('s390x')])

describe('skopeo', { skip: skipReason('skopeo') }, () => {
  let room: ClientRoom
  let layout: string
  const skopeo = (...args: string[]): Promise<string> => room.run('skopeo', args)
  const reference = (name: string): string => `docker://${room.berth.host}/alice/${name}`

  before(async () => {
    room = await openClientRoom()
    layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { many: INDEX, one: AMD64 })
    const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
    await room.run('skopeo', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('copies all of an index in and out, with the same digests', async () => {
    await push('many', 'in-and-out:1')
    const raw = await skopeo('inspect', '--raw', '--tls-verify=false', reference('in-and-out:1'))
    assert.equal(raw, Buffer.from(INDEX.root.bytes).toString())
    const out = join(room.folder, 'out')
    const flags = ['--all', '--preserve-digests', '--src-tls-verify=false']
    await skopeo('copy', ...flags, reference('in-and-out:1'), `oci:${out}:many`)
    const { digests } = await readOciLayout(out)
    assert.deepEqual(
      digests,
      new Set([INDEX.root, ...INDEX.contents].map(({ descriptor }) => descriptor.digest)),
    )
  })

  it('copies from repository to repository', async () => {
    await push('many', 'from:1')
    const flags = ['--all', '--preserve-digests', '--src-tls-verify=false', '--dest-tls-verify=false']
    await skopeo('copy', ...flags, reference('from:1'), reference('to:1'))
    const format = ['--format', '{{.Digest}}', '--tls-verify=false']
    assert.equal((await skopeo('inspect', ...format, reference('to:1'))).trim(), INDEX.root.descriptor.digest)
  })

  it('converts to Docker schema 2, and stores what came', async () => {
    const flags = ['--format', 'v2s2', '--dest-tls-verify=false']
    await skopeo('copy', ...flags, `oci:${layout}:one`, reference('schema2:1'))
    const manifest = JSON.parse(
      await skopeo('inspect', '--raw', '--tls-verify=false', reference('schema2:1')),
    )
    assert.equal(manifest.mediaType, 'application/vnd.docker.distribution.manifest.v2+json')
  })

  it('pushes layers compressed with zstd', async () => {
    // A layer of its own: skopeo remembers gzip forms of layers it has pushed, and reuses those.
    const plain = join(room.folder, 'plain')
    await writeOciLayout(plain, { fresh: imageFor('riscv64') })
    const folder = `dir:${join(room.folder, 'decompressed')}`
    await skopeo('copy', '--dest-decompress', `oci:${plain}:fresh`, folder)
    const flags = ['--dest-compress-format', 'zstd', '--dest-tls-verify=false']
    await skopeo('copy', ...flags, folder, reference('zstd:1'))
    const manifest = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', reference('zstd:1')))
    assert.match(manifest.layers.at(-1).mediaType, /tar\+zstd$/)
  })

  it('inspects, and lists tags', async () => {
    for (const tag of ['2', '10', '1']) await push('one', `listed:${tag}`)
    const listed = JSON.parse(await skopeo('list-tags', '--tls-verify=false', reference('listed')))
    assert.deepEqual(listed.Tags, ['1', '10', '2'])
    const inspected = JSON.parse(await skopeo('inspect', '--tls-verify=false', reference('listed:10')))
    assert.equal(inspected.Digest, AMD64.root.descriptor.digest)
    assert.deepEqual(inspected.RepoTags, ['1', '10', '2'])
  })

  it('synchronises a repository, to a folder and to another repository', async () => {
    for (const tag of ['1', '2']) await push('one', `synced:${tag}`)
    const source = `${room.berth.host}/alice/synced`
    const sync = ['sync', '--src', 'docker', '--src-tls-verify=false']
    await skopeo(...sync, '--dest', 'dir', source, room.folder)
    const manifest = await readFile(join(room.folder, 'synced:2', 'manifest.json'))
    assert.deepEqual(manifest, Buffer.from(AMD64.root.bytes))
    const goal = `${room.berth.host}/alice/mirror`
    await skopeo(...sync, '--dest', 'docker', '--dest-tls-verify=false', source, goal)
    const listed = JSON.parse(await skopeo('list-tags', '--tls-verify=false', reference('mirror/synced')))
    assert.deepEqual(listed.Tags, ['1', '2'])
  })

  it('deletes an image', async () => {
    await push('one', 'deleted:1')
    await skopeo('delete', '--tls-verify=false', reference('deleted:1'))
    const inspect = ['inspect', '--tls-verify=false', reference('deleted:1')]
    assert.match(await room.runFailing('skopeo', inspect), /manifest unknown/i)
  })

  it('is refused with a wrong password, in the repository of another, and logged out', async () => {
    const wrong = ['--dest-creds', 'alice:wrong password', '--dest-tls-verify=false']
    const denied = /unauthorized|authentication required|denied|403|invalid username\/password/i
    const source = `oci:${layout}:one`
    assert.match(await room.runFailing('skopeo', ['copy', ...wrong, source, reference('no:1')]), denied)
    const foreign = `docker://${room.berth.host}/bob/app:1`
    assert.match(
      await room.runFailing('skopeo', ['copy', '--dest-tls-verify=false', source, foreign]),
      denied,
    )
    const nobody = ['copy', '--dest-no-creds', '--dest-tls-verify=false', source, reference('no:1')]
    assert.match(await room.runFailing('skopeo', nobody), denied)
  })

  function push(name: string, goal: string): Promise<string> {
    const flags = ['--all', '--preserve-digests', '--dest-tls-verify=false']
    return skopeo('copy', ...flags, `oci:${layout}:${name}`, reference(goal))
  }
})

function imageFor(architecture: string): Image {
  return makeImage({
    layers: [
      [{ path: 'everywhere', bytes: Buffer.alloc(100_000, 'e') }],
      [{ path: 'here', bytes: Buffer.from(architecture) }],
    ],
    platform: { os: 'linux', architecture },
  })
}
