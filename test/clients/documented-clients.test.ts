import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { formatRegistryConfig } from '../../bench/servers/registry-config.ts'
import { RUN_BY_CLIENTS } from '../docs/how-commands-run.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { startContainerd } from '../parts/start-containerd.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { busyboxTree, makeRunnableImage } from '../support/content/busybox.ts'
import { makeImage } from '../support/content/make-image.ts'
import { makeOciArchive } from '../support/content/oci-archive.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'

const PARTS = [
  'docker-registry',
  'docker',
  'dockerd',
  'podman',
  'buildah',
  'skopeo',
  'containerd',
  'ctr',
  'helm',
  'oras',
  'cosign',
]
/** Flags and settings of each client on loopback, without TLS, from docs/pushing-and-pulling.md. */
const WITHOUT_TLS: Readonly<Record<string, string>> = {
  podman: '--tls-verify=false',
  buildah: '--tls-verify=false',
  'skopeo login': '--tls-verify=false',
  'skopeo copy': '--dest-tls-verify=false',
  'skopeo delete': '--tls-verify=false',
  ctr: '--plain-http',
  helm: '--plain-http',
  oras: '--plain-http',
  cosign: '--allow-http-registry',
}
const IMAGE = makeImage({ layers: [[{ path: 'a', bytes: Buffer.from('documented') }]] })

/** The commands of README.md and docs/ that need a client, word by word, but for names, storage and the password prompt. */
describe('the documented commands of clients', { skip: skipReason(...PARTS, 'runc', 'busybox') }, () => {
  const resources = new AsyncDisposableStack()
  const done = new Set<string>()
  let room: ClientRoom
  let containerd: StartedDaemon

  before(async () => {
    room = resources.use(await openClientRoom())
    const docker = await startDockerd()
    resources.defer(() => docker.stop())
    containerd = await startContainerd()
    resources.defer(() => containerd.stop())
    room.env.DOCKER_HOST = `unix://${docker.socket}`
    room.env.COSIGN_PASSWORD = ''
    await writeFile(join(room.folder, 'tree.tar'), makeTar(busyboxTree()))
    await writeOciLayout(join(room.folder, 'layout'), { app: IMAGE })
  })
  after(() => resources.disposeAsync())

  /** Runs all documented commands with this beginning, in their order. @returns the output of the last one. */
  async function run(beginning: string, changes: Readonly<Record<string, string>> = {}): Promise<string> {
    const commands = RUN_BY_CLIENTS.filter((command) => command.startsWith(beginning))
    assert.notEqual(commands.length, 0, beginning)
    let printed = ''
    for (const command of commands) {
      printed = await runOne(command, changes)
      done.add(command)
    }
    return printed
  }

  async function runOne(command: string, changes: Readonly<Record<string, string>>): Promise<string> {
    let line = command.replaceAll('HOST', room.berth.host).replaceAll('127.0.0.1:5000', room.berth.host)
    for (const [from, to] of Object.entries(changes)) line = line.replaceAll(from, to)
    const [program = '', ...words] = line.split(' ')
    const flag = Object.entries(WITHOUT_TLS).find(([begin]) => command.startsWith(`${begin} `))?.[1]
    const isLogin = words.includes('login')
    const more = [
      ...(isLogin ? ['--password-stdin'] : []),
      ...(flag === undefined || words.some((word) => word.includes('tls-verify')) ? [] : [flag]),
    ]
    // Some clients take no flags after the first name.
    const verb = words.findIndex((word) =>
      /^(?:login|push|pull|copy|delete|attach|discover|sign|verify)$/.test(word),
    )
    const args = [...ownStorage(program), ...words.toSpliced(verb + 1, 0, ...more)]
    return await room.run(program, args, isLogin ? room.berth.requirePassword('alice') : '')
  }

  function ownStorage(program: string): string[] {
    const storage = ['--root', join(room.folder, 'storage'), '--runroot', join(room.folder, 'run-storage')]
    if (program === 'podman')
      return [
        ...storage,
        '--storage-driver',
        'vfs',
        '--cgroup-manager',
        'cgroupfs',
        '--events-backend',
        'file',
      ]
    if (program === 'buildah') return [...storage, '--storage-driver', 'vfs']
    return program === 'ctr' ? ['--address', containerd.socket] : []
  }

  it('Docker', async () => {
    await room.run('docker', ['import', '-', 'app:1.0'], makeTar(busyboxTree()))
    for (const act of ['login', 'tag', 'push', 'pull', 'logout']) await run(`docker ${act}`)
  })

  it('podman and buildah', async () => {
    await run('podman login')
    await room.run('podman', [
      ...ownStorage('podman'),
      'import',
      join(room.folder, 'tree.tar'),
      'localhost/app:1.0',
    ])
    await run('podman push')
    await run('buildah ')
  })

  it('skopeo', async () => {
    // The layout replaces an image of the internet.
    const source = { 'docker://docker.io/library/alpine:3': `oci:${join(room.folder, 'layout')}:app` }
    await run('skopeo login')
    await run('skopeo copy', source)
    await run('skopeo delete')
  })

  it('skopeo, from the registry that was there before', async () => {
    const port = await findFreePort()
    const config = join(room.folder, 'old.yml')
    await writeFile(config, formatRegistryConfig({ root: join(room.folder, 'old'), port }))
    const old = await startProcess(part('docker-registry'), {
      args: ['serve', config],
      logFile: join(room.folder, 'old.log'),
      isReady: () => isListening(port),
    })
    try {
      const image = `localhost:${port}/alice/app`
      for (const tag of ['1', '2'])
        await room.run('skopeo', [
          'copy',
          '--dest-tls-verify=false',
          'oci:layout:app',
          `docker://${image}:${tag}`,
        ])
      const here = { 'localhost:5001/alice/app': image, 'registry.example.com': room.berth.host }
      await run('skopeo sync', { ...here, 'skopeo sync': 'skopeo sync --dest-tls-verify=false' })
      const list = ['list-tags', '--tls-verify=false', `docker://${room.berth.host}/alice/app`]
      const { Tags: tags } = JSON.parse(await room.run('skopeo', list)) as { Tags: string[] }
      assert.deepEqual(
        ['1', '2'].filter((tag) => !tags.includes(tag)),
        [],
      )
    } finally {
      await old.stop()
    }
  })

  it('containerd', async () => {
    const name = `${room.berth.host}/alice/app:1.0`
    const archive = join(room.folder, 'image.tar')
    await writeFile(archive, makeOciArchive(name, makeRunnableImage('documented')))
    await room.run('ctr', [...ownStorage('ctr'), 'images', 'import', '--no-unpack', archive])
    const user = { '--user alice': `--user alice:${room.berth.requirePassword('alice')}` }
    await run('ctr images push', user)
    // The file system below the tests has no overlays.
    await run('ctr images pull', { ...user, 'images pull': 'images pull --snapshotter native' })
  })

  it('helm', async () => {
    await mkdir(join(room.folder, 'chart', 'templates'), { recursive: true })
    await writeFile(join(room.folder, 'chart', 'Chart.yaml'), 'apiVersion: v2\nname: chart\nversion: 1.0.0\n')
    await room.run('helm', ['package', 'chart'])
    await run('helm ')
  })

  it('oras and cosign', async () => {
    for (const file of ['notes.txt', 'report.json']) await writeFile(join(room.folder, file), '{}')
    await run('oras login')
    await run('oras push')
    await run('oras attach')
    assert.match(await run('oras discover'), /application\/vnd\.example\.report/)
    const manifest = JSON.parse(
      await room.run('oras', [
        'manifest',
        'fetch',
        '--descriptor',
        '--plain-http',
        `${room.berth.host}/alice/app:1.0`,
      ]),
    ) as { digest: string }
    await room.run('cosign', ['generate-key-pair'])
    // Without the public log, to which signing would otherwise write.
    const changes = { 'sha256:DIGEST': manifest.digest }
    await run('cosign sign', { ...changes, 'cosign sign': 'cosign sign --tlog-upload=false --yes' })
    await run('cosign verify', { ...changes, 'cosign verify': 'cosign verify --insecure-ignore-tlog' })
  })

  // Last: it checks what the others have done.
  it('are all that are listed as run here', () => {
    assert.deepEqual(
      RUN_BY_CLIENTS.filter((command) => !done.has(command)),
      [],
    )
  })
})
