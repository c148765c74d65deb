import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'

const DENIED = /denied|unauthorized|authentication required|403|invalid username\/password/i

describe('podman', { skip: skipReason('podman', 'runc', 'busybox') }, () => {
  let room: ClientRoom
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`
  const flags = (): string[] => [
    ...['--root', join(room.folder, 'storage'), '--runroot', join(room.folder, 'run-storage')],
    ...['--tmpdir', join(room.folder, 'tmp'), '--storage-driver', 'vfs'],
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', 'runc'],
  ]
  const podman = (...args: string[]): Promise<string> => room.run('podman', [...flags(), ...args])

  before(async () => {
    room = await openClientRoom()
    const tree = [...busyboxTree(), { path: 'greeting', bytes: Buffer.from('all hands\n') }]
    await writeFile(join(room.folder, 'tree.tar'), makeTar(tree))
    const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
    const output = await room.run('podman', [...flags(), ...login], room.berth.requirePassword('alice'))
    assert.match(output, /Login Succeeded/)
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('pushes an image, loses it, pulls it and runs it', async () => {
    await importImage(reference('app:1'))
    await podman('push', '--tls-verify=false', reference('app:1'))
    await podman('rmi', reference('app:1'))
    await podman('pull', '--tls-verify=false', reference('app:1'))
    assert.equal(await runContainer(reference('app:1')), 'all hands\n')
  })

  it('pushes a manifest list made of images it has pushed', async () => {
    await importImage(reference('part:1'))
    await podman('push', '--tls-verify=false', reference('part:1'))
    await podman('manifest', 'create', reference('list:1'))
    await podman(
      'manifest',
      'add',
      '--tls-verify=false',
      reference('list:1'),
      `docker://${reference('part:1')}`,
    )
    await podman(
      'manifest',
      'push',
      '--all',
      '--tls-verify=false',
      reference('list:1'),
      `docker://${reference('list:1')}`,
    )
    await podman('manifest', 'rm', reference('list:1'))
    await podman('rmi', reference('part:1'))
    await podman('pull', '--tls-verify=false', reference('list:1'))
    assert.equal(await runContainer(reference('list:1')), 'all hands\n')
  })

  it('finds its repositories by search', async () => {
    await importImage(reference('searched:1'))
    await podman('push', '--tls-verify=false', reference('searched:1'))
    const search = ['search', '--tls-verify=false', '--list-tags', reference('searched')]
    assert.match(await podman(...search), /searched\s+1/)
  })

  it('is refused with a wrong password, in the repository of another, and logged out', async () => {
    const login = ['login', '--tls-verify=false', '-u', 'bob', '--password-stdin', room.berth.host]
    assert.match(await room.runFailing('podman', [...flags(), ...login], 'not his'), DENIED)
    const push = [...flags(), 'push', '--tls-verify=false']
    const foreign = `${room.berth.host}/bob/app:1`
    await importImage(foreign)
    assert.match(await room.runFailing('podman', [...push, foreign]), DENIED)
    await importImage(reference('closed:1'))
    // An empty file of log-ins, as the last log-out leaves it.
    const nobody = ['--authfile', join(room.folder, 'nobody.json')]
    await writeFile(join(room.folder, 'nobody.json'), '{}')
    assert.match(await room.runFailing('podman', [...push, ...nobody, reference('closed:1')]), DENIED)
  })

  function runContainer(image: string): Promise<string> {
    // Low limits: more may be out of reach where the tests run in a container themselves.
    const modest = ['--ulimit=nofile=1024:1024', '--ulimit=nproc=1024:1024']
    return podman('run', '--rm', '--network=none', ...modest, image)
  }

  async function importImage(name: string): Promise<void> {
    await podman('import', '--change', 'CMD=["/bin/cat","/greeting"]', join(room.folder, 'tree.tar'), name)
  }
})
