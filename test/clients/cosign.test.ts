import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'

const IMAGE = makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('signed') }]] })

describe('cosign', { skip: skipReason('cosign', 'crane') }, () => {
  let room: ClientRoom
  let layout: string

  before(async () => {
    room = await openClientRoom()
    // The key's own password, empty: without the variable cosign prompts on a terminal.
    room.env.COSIGN_PASSWORD = ''
    layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { app: IMAGE })
    await room.run('cosign', ['generate-key-pair'])
    const login = ['auth', 'login', room.berth.host, '-u', 'alice', '--password-stdin']
    await room.run('crane', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('signs under a tag named after the digest, and verifies', async () => {
    const reference = await pushImage('tag-scheme')
    await sign(reference)
    const verified = JSON.parse(await verify(reference))
    assert.equal(verified[0].critical.image['docker-manifest-digest'], IMAGE.root.descriptor.digest)
    const tags = await room.run('crane', ['ls', reference.replace(/@.*/, '')])
    assert.match(tags, /^sha256-[0-9a-f]{64}\.sig$/m)
  })

  it('signs as a referrer (OCI 1.1), without a tag, and verifies', async () => {
    const reference = await pushImage('referrers')
    room.env.COSIGN_EXPERIMENTAL = '1'
    await sign(reference, '--registry-referrers-mode=oci-1-1')
    const verified = JSON.parse(await verify(reference, '--experimental-oci11'))
    delete room.env.COSIGN_EXPERIMENTAL
    assert.equal(verified[0].critical.image['docker-manifest-digest'], IMAGE.root.descriptor.digest)
    assert.equal(await room.run('crane', ['ls', reference.replace(/@.*/, '')]), '1\n')
  })

  it('does not verify what nobody signed', async () => {
    const reference = await pushImage('unsigned')
    const args = ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', reference]
    assert.match(await room.runFailing('cosign', args), /no signatures found/)
  })

  async function pushImage(name: string): Promise<string> {
    const repository = `${room.berth.host}/alice/${name}`
    await room.run('crane', ['push', layout, `${repository}:1`])
    return `${repository}@${IMAGE.root.descriptor.digest}`
  }

  function sign(reference: string, ...flags: string[]): Promise<string> {
    return room.run('cosign', [
      'sign',
      '--key',
      'cosign.key',
      '--tlog-upload=false',
      '--yes',
      ...flags,
      reference,
    ])
  }

  function verify(reference: string, ...flags: string[]): Promise<string> {
    return room.run('cosign', [
      'verify',
      '--key',
      'cosign.pub',
      '--insecure-ignore-tlog',
      ...flags,
      reference,
    ])
  }
})
