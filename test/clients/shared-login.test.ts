import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'

const PARTS = ['docker', 'dockerd', 'crane', 'oras', 'regctl', 'skopeo', 'podman']

/** Docker keeps a refresh token in place of the password (config.json, `identitytoken`), and others read it there. */
describe('a log-in that Docker has stored', { skip: skipReason(...PARTS) }, () => {
  let room: ClientRoom
  let daemon: StartedDaemon
  let layout: string
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    daemon = await startDockerd()
    room = await openClientRoom()
    layout = join(room.folder, 'layout')
    await writeOciLayout(layout, { app: makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('a') }]] }) })
    room.env.DOCKER_HOST = `unix://${daemon.socket}`
    const login = ['login', '-u', 'alice', '--password-stdin', room.berth.host]
    await room.run('docker', login, room.berth.requirePassword('alice'))
    // No file of their own: only Docker's.
    delete room.env.REGISTRY_AUTH_FILE
  })
  after(async () => {
    await daemon?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  it('serves crane', async () => {
    await room.run('crane', ['push', layout, reference('crane:1')])
    assert.equal(await room.run('crane', ['ls', reference('crane')]), '1\n')
  })

  it('serves oras', async () => {
    await writeFile(join(room.folder, 'notes.txt'), 'x')
    await room.run('oras', ['push', '--plain-http', reference('oras:1'), 'notes.txt'])
    assert.equal(await room.run('oras', ['repo', 'tags', '--plain-http', reference('oras')]), '1\n')
  })

  it('serves regctl', async () => {
    const host = ['--host', `reg=${room.berth.host},tls=disabled`]
    await room.run('regctl', ['image', 'copy', ...host, `ocidir://${layout}:app`, reference('regctl:1')])
    assert.equal(await room.run('regctl', ['tag', 'ls', ...host, reference('regctl')]), '1\n')
  })

  it('serves skopeo', async () => {
    const goal = `docker://${reference('skopeo:1')}`
    await room.run('skopeo', ['copy', '--dest-tls-verify=false', `oci:${layout}:app`, goal])
    const listed = JSON.parse(
      await room.run('skopeo', ['list-tags', '--tls-verify=false', goal.slice(0, -2)]),
    )
    assert.deepEqual(listed.Tags, ['1'])
  })

  it('serves podman, which logs in by itself only after "docker logout", as the documents say', async () => {
    const podman = ['--root', join(room.folder, 'storage'), '--runroot', join(room.folder, 'run-storage')]
    const flags = [...podman, '--storage-driver', 'vfs']
    await room.run('podman', [...flags, 'pull', '--tls-verify=false', reference('crane:1')])
    const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
    const password = room.berth.requirePassword('alice')
    for (const [program, more] of [
      ['podman', flags],
      ['skopeo', []],
    ] as const) {
      assert.match(
        await room.runFailing(program, [...more, ...login], password),
        /contains an Identity token/i,
      )
    }
    await room.run('docker', ['logout', room.berth.host])
    assert.match(await room.run('podman', [...flags, ...login], password), /Login Succeeded/)
  })
})
