import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeImage, makeIndex } from '../support/content/make-image.ts'
import { readOciLayout, writeOciLayout } from '../support/content/oci-layout.ts'

const INDEX = makeIndex(
  ['amd64', 'arm64'].map((architecture) =>
    makeImage({
      layers: [[{ path: architecture, bytes: Buffer.alloc(50_000, architecture) }]],
      platform: { os: 'linux', architecture },
    }),
  ),
)
const SIGNATURE = 'application/vnd.example.signature'

describe('regctl', { skip: skipReason('regctl') }, () => {
  let room: ClientRoom
  let layout: string
  const regctl = (...args: string[]): Promise<string> => room.run('regctl', args)
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    room = await openClientRoom()
    layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { v1: INDEX })
    await regctl('registry', 'set', room.berth.host, '--tls', 'disabled', '--skip-check')
    const login = ['registry', 'login', room.berth.host, '-u', 'alice', '--pass-stdin']
    await room.run('regctl', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('copies an index in, over, and out again, byte for byte', async () => {
    const source = `ocidir://${layout}:v1`
    await regctl('image', 'copy', source, reference('copied:v1'))
    await regctl('image', 'copy', reference('copied:v1'), reference('copied-again:v1'))
    const digest = await regctl('image', 'digest', reference('copied-again:v1'))
    assert.equal(digest.trim(), INDEX.root.descriptor.digest)
    const out = join(room.folder, 'out')
    await regctl('image', 'copy', reference('copied-again:v1'), `ocidir://${out}:v1`)
    const { digests } = await readOciLayout(out)
    assert.equal(digests.size, 7)
  })

  it('copies an image with its referrers and digest tags', async () => {
    await regctl('image', 'copy', `ocidir://${layout}:v1`, reference('signed:v1'))
    const put = ['artifact', 'put', '--artifact-type', SIGNATURE, '--subject', reference('signed:v1')]
    await room.run('regctl', put, 'signed by alice')
    await regctl(
      'image',
      'copy',
      '--referrers',
      '--digest-tags',
      reference('signed:v1'),
      reference('kept:v1'),
    )
    const listed = await regctl(
      'artifact',
      'list',
      reference('kept:v1'),
      '--format',
      '{{range .Descriptors}}{{.ArtifactType}}{{end}}',
    )
    assert.equal(listed.trim(), SIGNATURE)
    assert.equal(await regctl('artifact', 'get', '--subject', reference('kept:v1')), 'signed by alice')
  })

  it('lists and deletes tags, leaving the manifest', async () => {
    await regctl('image', 'copy', `ocidir://${layout}:v1`, reference('tagged:v1'))
    await regctl('image', 'copy', `ocidir://${layout}:v1`, reference('tagged:v2'))
    assert.equal(await regctl('tag', 'ls', reference('tagged')), 'v1\nv2\n')
    await regctl('tag', 'delete', reference('tagged:v1'))
    assert.equal(await regctl('tag', 'ls', reference('tagged')), 'v2\n')
    await regctl('manifest', 'head', reference(`tagged@${INDEX.root.descriptor.digest}`))
  })

  it('puts and gets blobs, and mounts one into another repository', async () => {
    const bytes = 'x'.repeat(300_000)
    const digest = (await room.run('regctl', ['blob', 'put', reference('blobs')], bytes)).trim()
    assert.match(digest, /^sha256:/)
    assert.equal(await regctl('blob', 'get', reference('blobs'), digest), bytes)
    await regctl('blob', 'copy', reference('blobs'), reference('blobs-mounted'), digest)
    assert.equal(await regctl('blob', 'get', reference('blobs-mounted'), digest), bytes)
    await regctl('blob', 'delete', reference('blobs'), digest)
    await room.runFailing('regctl', ['blob', 'head', reference('blobs'), digest])
  })

  it('deletes a manifest with its tags', async () => {
    await regctl('image', 'copy', `ocidir://${layout}:v1`, reference('deleted:v1'))
    await regctl('manifest', 'delete', '--force-tag-dereference', reference('deleted:v1'))
    assert.match(await room.runFailing('regctl', ['manifest', 'get', reference('deleted:v1')]), /not found/)
  })

  it('lists its repositories', async () => {
    await regctl('image', 'copy', `ocidir://${layout}:v1`, reference('listed:v1'))
    assert.match(await regctl('repo', 'ls', room.berth.host), /^alice\/listed$/m)
  })
})
