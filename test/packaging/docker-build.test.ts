import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { startBuildkitd } from '../parts/start-buildkitd.ts'
import { type DockerRoom, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { pack } from './packages.ts'
import { type SavedImage, unpackSavedImage } from './saved-image.ts'

/** Longest build of an image, in ms. */
const BUILD_TIMEOUT_MS = 180_000
/** Fields of a configuration that an engine acts on, or a person reads. */
const FIELDS = ['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'Healthcheck'].concat([
  'StopSignal',
  'Labels',
])

describe('the Containerfile', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'ip', 'busybox'),
}, () => {
  const resources = new AsyncDisposableStack()
  let home: string
  let room: DockerRoom
  let buildah: SavedImage
  const context = (): string => join(home, 'made/image')

  before(async () => {
    home = resources.use(await makeTempFolder('docker-build')).path
    const file = await pack('image', join(home, 'made'))
    buildah = await unpackSavedImage(file, join(home, 'buildah'), 'berth:0.1.0')
    room = resources.use(await openDockerRoom())
  })
  after(() => resources.disposeAsync())

  /** Values of the arguments with which buildah built. */
  const values = (): string[] => {
    const labels = buildah.config.config.Labels as Readonly<Record<string, string>>
    return ['version', 'revision', 'created'].map(
      (name) => `${name.toUpperCase()}=${labels[`org.opencontainers.image.${name}`]}`,
    )
  }

  const dockerBuild = async (tag: string, ...more: string[]): Promise<void> => {
    // The older builder: BuildKit inside Docker needs a plug-in that Debian's docker.io lacks.
    const env = { ...process.env, DOCKER_BUILDKIT: '0', HOME: home }
    const all = [`TARGETARCH=${buildah.config.architecture}`, ...values(), ...more]
    const args = [...all.flatMap((value) => ['--build-arg', value]), '--tag', tag]
    await runOk(
      part('docker'),
      ['--host', room.url, 'build', '--file', join(context(), 'Containerfile'), ...args, context()],
      { env, timeoutMs: BUILD_TIMEOUT_MS },
    )
  }

  const assertSame = async (file: string, tag: string): Promise<void> => {
    const made = await unpackSavedImage(file, `${file}-files`, tag)
    const files = await listFiles(made.root)
    assert.match(
      files.join('\n'),
      /^data 40755 65532:65532 .*\n(?:.*\n)*usr\/bin\/berth 100755 0:0 [0-9a-f]{64}$/m,
    )
    assert.deepEqual(files, await listFiles(buildah.root))
    const pick = ({ config: { architecture, os, config } }: SavedImage): unknown[] => [
      ...[architecture, os],
      ...FIELDS.map((field) => [field, config[field]]),
    ]
    assert.deepEqual(pick(made), pick(buildah))
  }

  it('is by Docker’s older builder the same image as by buildah', async () => {
    await dockerBuild('berth:docker')
    const file = join(home, 'docker.tar')
    await room.docker('save', '--output', file, 'berth:docker')
    await assertSame(file, 'berth:docker')
  })

  it('is by BuildKit the same image, for the architecture that BuildKit itself names', {
    skip: skipReason('buildkitd', 'buildctl', 'runc'),
  }, async () => {
    const daemon = await startBuildkitd()
    resources.defer(() => daemon.stop())
    const file = join(home, 'buildkit.tar')
    const options = [...values().map((value) => `build-arg:${value}`), 'filename=Containerfile']
    await runOk(
      part('buildctl'),
      [
        ...['--addr', `unix://${daemon.socket}`, 'build', '--frontend', 'dockerfile.v0'],
        ...['--local', `context=${context()}`, '--local', `dockerfile=${context()}`],
        ...options.flatMap((option) => ['--opt', option]),
        ...['--output', `type=docker,name=berth:buildkit,dest=${file}`],
      ],
      { timeoutMs: BUILD_TIMEOUT_MS },
    )
    await assertSame(file, 'berth:buildkit')
  })

  it('stands on an image of Debian by BASE, whose /lib is a link', async () => {
    const { architecture } = buildah.config
    const merged = join(home, 'merged')
    await runOk('sh', ['-ec', MERGE, join(context(), architecture, 'debian-files'), merged])
    await runOk('tar', ['--create', '--file', join(home, 'merged.tar'), '--directory', merged, '.'])
    await room.docker('import', join(home, 'merged.tar'), 'debian:merged')
    await dockerBuild('berth:on-debian', 'BASE=debian:merged')
    const version = await room.docker('run', '--rm', '--network', 'none', 'berth:on-debian', 'version')
    assert.match(version, /^berth 0\.1\.0 \(node 26\./)
    const layers = async (image: string): Promise<string[]> =>
      JSON.parse(await room.docker('inspect', '--format', '{{json .RootFS.Layers}}', image)) as string[]
    const [base] = await layers('debian:merged')
    assert.equal((await layers('berth:on-debian'))[0], base)
  })
})

/** Copies a tree ($0) as Debian's own images have it, to $1. */
const MERGE = `
cp -a "$0" "$1"
cd "$1"
for name in lib lib64 bin sbin; do
  [ -d "$name" ] || continue
  mkdir -p "usr/$name"
  cp -a "$name/." "usr/$name"
  rm -r "$name"
  ln -s "usr/$name" "$name"
done`

/** All entries of a tree with their kind, mode, owner and content, but not their time, which Docker takes from the context. */
async function listFiles(root: string): Promise<string[]> {
  const paths = (await readdir(root, { recursive: true })).sort()
  return Promise.all(
    paths.map(async (path) => {
      const full = join(root, path)
      const facts = await lstat(full)
      const content = facts.isSymbolicLink()
        ? await readlink(full)
        : facts.isFile()
          ? hash('sha256', await readFile(full))
          : 'no file'
      return `${path} ${facts.mode.toString(8)} ${facts.uid}:${facts.gid} ${content}`
    }),
  )
}
