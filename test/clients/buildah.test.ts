import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'

describe('buildah', { skip: skipReason('buildah', 'busybox') }, () => {
  let room: ClientRoom
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`
  const flags = (): string[] => [
    ...['--root', join(room.folder, 'storage'), '--runroot', join(room.folder, 'run-storage')],
    ...['--storage-driver', 'vfs'],
  ]
  const buildah = (...args: string[]): Promise<string> => room.run('buildah', [...flags(), ...args])

  before(async () => {
    room = await openClientRoom()
    await writeFile(join(room.folder, 'tree.tar'), makeTar(busyboxTree()))
    const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
    await room.run('buildah', [...flags(), ...login], room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  for (const format of ['oci', 'docker']) {
    it(`builds from scratch, pushes as ${format}, pulls, and runs`, async () => {
      const name = reference(`${format}:1`)
      const container = (await buildah('from', 'scratch')).trim()
      await buildah('add', container, 'tree.tar', '/')
      await buildah('config', '--cmd', '/bin/sh', container)
      await buildah('commit', '--rm', '--format', format, container, name)
      await buildah('push', '--tls-verify=false', name)
      await buildah('rmi', '--all', '--force')
      await buildah('pull', '--tls-verify=false', name)
      const again = (await buildah('from', '--pull-never', name)).trim()
      const run = ['run', '--isolation', 'chroot', again, '--', '/bin/echo', 'from berth']
      assert.equal(await buildah(...run), 'from berth\n')
      await buildah('rm', again)
    })
  }

  it('builds upon an image of the registry', async () => {
    const base = reference('base:1')
    await writeFile(join(room.folder, 'Base'), 'FROM scratch\nADD tree.tar /\n')
    await buildah('bud', '-t', base, '-f', 'Base', room.folder)
    await buildah('push', '--tls-verify=false', base)
    await buildah('rmi', '--all', '--force')
    await writeFile(join(room.folder, 'Upon'), `FROM ${base}\nCOPY Upon /recipe\n`)
    await buildah('bud', '--tls-verify=false', '-t', reference('upon:1'), '-f', 'Upon', room.folder)
    await buildah('push', '--tls-verify=false', reference('upon:1'))
    const container = (await buildah('from', '--pull-never', reference('upon:1'))).trim()
    const run = ['run', '--isolation', 'chroot', container, '--', '/bin/cat', '/recipe']
    assert.match(await buildah(...run), /^FROM 127\.0\.0\.1/)
    await buildah('rm', container)
  })
})
