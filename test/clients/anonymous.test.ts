import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { startContainerd } from '../parts/start-containerd.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree, makeRunnableImage } from '../support/content/busybox.ts'
import { makeOciArchive } from '../support/content/oci-archive.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'

const REFUSED = /denied|unauthorized|authentication required|authorization failed|401|403|no basic auth/i

/** A client: pushes and pulls `open/…` and `closed/…` of alice, with her password or without any. */
interface Client {
  readonly name: string
  readonly parts: readonly string[]
  open(room: ClientRoom): Promise<OpenClient>
}

interface OpenClient extends AsyncDisposable {
  /** Pushes an image with alice's password, and removes it and the log-in from the client. */
  pushAsAlice(reference: string): Promise<void>
  /** Arguments of a pull and of a push without a log-in. */
  pull(reference: string): readonly [program: string, args: readonly string[]]
  push(reference: string): Promise<readonly [program: string, args: readonly string[]]>
}

const CLIENTS: readonly Client[] = [
  { name: 'Docker', parts: ['docker', 'dockerd', 'busybox'], open: openDocker },
  { name: 'containerd', parts: ['containerd', 'ctr', 'runc', 'busybox'], open: openContainerd },
  { name: 'podman', parts: ['podman', 'runc', 'busybox'], open: openPodman },
  { name: 'skopeo', parts: ['skopeo', 'busybox'], open: openSkopeo },
]

for (const { name, parts, open } of CLIENTS) {
  describe(`${name} without a log-in`, { skip: skipReason(...parts) }, () => {
    let room: ClientRoom
    let client: OpenClient
    const at = (path: string): string => `${room.berth.host}/alice/${path}`

    before(async () => {
      room = await openClientRoom()
      await room.berth.command(['access', 'visibility', 'alice/open/**', 'public'])
      client = await open(room)
      for (const path of ['open/app:1', 'closed/app:1']) await client.pushAsAlice(at(path))
    })
    after(async () => {
      await client?.[Symbol.asyncDispose]()
      await room?.[Symbol.asyncDispose]()
    })

    it('pulls what is public', async () => {
      await room.run(...client.pull(at('open/app:1')))
    })

    it('pulls nothing else, whether it exists or not', async () => {
      for (const path of ['closed/app:1', 'closed/none:1']) {
        assert.match(await room.runFailing(...client.pull(at(path))), REFUSED)
      }
    })

    it('pushes nothing, not even to a public repository', async () => {
      assert.match(await room.runFailing(...(await client.push(at('open/app:2')))), REFUSED)
    })
  })
}

async function openDocker(room: ClientRoom): Promise<OpenClient> {
  const daemon = await startDockerd()
  room.env.DOCKER_HOST = `unix://${daemon.socket}`
  const make = (reference: string) =>
    room.run(
      'docker',
      ['import', '-', reference],
      makeTar([...busyboxTree(), { path: 'name', bytes: Buffer.from(reference) }]),
    )
  return {
    async pushAsAlice(reference) {
      const login = ['login', '-u', 'alice', '--password-stdin', room.berth.host]
      await room.run('docker', login, room.berth.requirePassword('alice'))
      await make(reference)
      await room.run('docker', ['push', reference])
      await room.run('docker', ['rmi', reference])
      await room.run('docker', ['logout', room.berth.host])
    },
    pull: (reference) => ['docker', ['pull', reference]],
    async push(reference) {
      await make(reference)
      return ['docker', ['push', reference]]
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  }
}

async function openContainerd(room: ClientRoom): Promise<OpenClient> {
  const daemon: StartedDaemon = await startContainerd()
  const ctr = ['--address', daemon.socket, 'images']
  const make = async (reference: string) => {
    const archive = join(room.folder, 'image.tar')
    await writeFile(archive, makeOciArchive(reference, makeRunnableImage(reference)))
    await room.run('ctr', [...ctr, 'import', '--no-unpack', '--all-platforms', archive])
  }
  return {
    async pushAsAlice(reference) {
      await make(reference)
      const user = ['--user', `alice:${room.berth.requirePassword('alice')}`]
      await room.run('ctr', [...ctr, 'push', '--plain-http', ...user, reference])
      await room.run('ctr', [...ctr, 'remove', '--sync', reference])
    },
    pull: (reference) => ['ctr', [...ctr, 'pull', '--plain-http', '--snapshotter', 'native', reference]],
    async push(reference) {
      await make(reference)
      return ['ctr', [...ctr, 'push', '--plain-http', reference]]
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  }
}

async function openPodman(room: ClientRoom): Promise<OpenClient> {
  const flags = [
    ...['--root', join(room.folder, 'storage'), '--runroot', join(room.folder, 'run-storage')],
    ...['--tmpdir', join(room.folder, 'tmp'), '--storage-driver', 'vfs'],
    ...['--cgroup-manager', 'cgroupfs', '--events-backend', 'file', '--runtime', 'runc'],
  ]
  const make = async (reference: string) => {
    const tree = [...busyboxTree(), { path: 'name', bytes: Buffer.from(reference) }]
    await writeFile(join(room.folder, 'tree.tar'), makeTar(tree))
    await room.run('podman', [...flags, 'import', join(room.folder, 'tree.tar'), reference])
  }
  return {
    async pushAsAlice(reference) {
      const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
      await room.run('podman', [...flags, ...login], room.berth.requirePassword('alice'))
      await make(reference)
      await room.run('podman', [...flags, 'push', '--tls-verify=false', reference])
      await room.run('podman', [...flags, 'rmi', reference])
      await room.run('podman', [...flags, 'logout', room.berth.host])
    },
    pull: (reference) => ['podman', [...flags, 'pull', '--tls-verify=false', reference]],
    async push(reference) {
      await make(reference)
      return ['podman', [...flags, 'push', '--tls-verify=false', reference]]
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

async function openSkopeo(room: ClientRoom): Promise<OpenClient> {
  const layout = join(room.folder, 'layout')
  await writeOciLayout(layout, { one: makeRunnableImage('skopeo') })
  const copy = ['copy', '--src-tls-verify=false', '--dest-tls-verify=false']
  const out = `oci:${join(room.folder, 'out')}:one`
  return {
    async pushAsAlice(reference) {
      const login = ['login', '--tls-verify=false', '-u', 'alice', '--password-stdin', room.berth.host]
      await room.run('skopeo', login, room.berth.requirePassword('alice'))
      await room.run('skopeo', [...copy, `oci:${layout}:one`, `docker://${reference}`])
      await room.run('skopeo', ['logout', room.berth.host])
    },
    pull: (reference) => ['skopeo', [...copy, `docker://${reference}`, out]],
    push: async (reference) => ['skopeo', [...copy, `oci:${layout}:one`, `docker://${reference}`]],
    [Symbol.asyncDispose]: async () => {},
  }
}
