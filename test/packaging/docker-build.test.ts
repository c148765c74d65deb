import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Architecture, findOwnArchitecture } from '../../packaging/architecture.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { startBuildkitd } from '../parts/start-buildkitd.ts'
import { type DockerRoom, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { pack } from './packages.ts'
import { type SavedImage, unpackSavedImage } from './saved-image.ts'

const ARCHITECTURES = ['amd64', 'arm64'] as const
/** Longest build of an image, in ms. */
const BUILD_TIMEOUT_MS = 180_000
/** Fields of a configuration that an engine acts on, or a person reads. */
const FIELDS = ['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'WorkingDir', 'Healthcheck'].concat([
  'StopSignal',
  'Labels',
])

describe('the Containerfile', {
  skip: skipReason('docker', 'dockerd', 'buildah', 'ip', 'busybox', 'aarch64-linux-gnu-strip'),
}, () => {
  const resources = new AsyncDisposableStack()
  let home: string
  let room: DockerRoom
  let file: string
  /** Images that buildah built, by architecture. */
  const buildah = new Map<Architecture, SavedImage>()
  const own = findOwnArchitecture() ?? 'amd64'
  const context = (): string => join(home, 'made/image')

  before(async () => {
    home = resources.use(await makeTempFolder('docker-build')).path
    file = await pack('image', join(home, 'made'), '--arch', ARCHITECTURES.join())
    for (const architecture of ARCHITECTURES) {
      const tag = `berth:0.1.0-${architecture}`
      buildah.set(architecture, await unpackSavedImage(file, join(home, architecture), tag))
    }
    room = resources.use(await openDockerRoom())
  })
  after(() => resources.disposeAsync())

  /** Values of the arguments with which buildah built. */
  const values = (): string[] => {
    const labels = buildah.get(own)?.config.config.Labels as Readonly<Record<string, string>>
    return ['version', 'revision', 'created'].map(
      (name) => `${name.toUpperCase()}=${labels[`org.opencontainers.image.${name}`]}`,
    )
  }

  const dockerBuild = async (tag: string, ...more: string[]): Promise<void> => {
    // The older builder: BuildKit inside Docker needs a plug-in that Debian's docker.io lacks.
    const env = { ...process.env, DOCKER_BUILDKIT: '0', HOME: home }
    const all = [`TARGETARCH=${own}`, ...values(), ...more]
    const args = [...all.flatMap((value) => ['--build-arg', value]), '--tag', tag]
    await runOk(
      part('docker'),
      ['--host', room.url, 'build', '--file', join(context(), 'Containerfile'), ...args, context()],
      { env, timeoutMs: BUILD_TIMEOUT_MS },
    )
  }

  const assertSame = async (saved: string, tag: string, architecture: Architecture): Promise<void> => {
    const expected = buildah.get(architecture) ?? assert.fail()
    const made = await unpackSavedImage(saved, `${saved}-files`, tag)
    const files = await listFiles(made.root)
    assert.match(
      files.join('\n'),
      /^data 40755 65532:65532 .*\n(?:.*\n)*usr\/bin\/berth 100755 0:0 [0-9a-f]{64}$/m,
    )
    assert.deepEqual(files, await listFiles(expected.root))
    const pick = ({ config: { config, ...image } }: SavedImage): unknown[] => [
      ...[image.architecture, image.os],
      ...FIELDS.map((field) => [field, config[field]]),
    ]
    assert.deepEqual(pick(made), pick(expected))
  }

  it('is by Docker’s older builder the same image as by buildah', async () => {
    await dockerBuild('berth:docker')
    const saved = join(home, 'docker.tar')
    await room.docker('save', '--output', saved, 'berth:docker')
    await assertSame(saved, 'berth:docker', own)
  })

  it('is by BuildKit the same image, for each architecture', {
    skip: skipReason('buildkitd', 'buildctl', 'runc'),
  }, async () => {
    const daemon = await startBuildkitd()
    resources.defer(() => daemon.stop())
    for (const architecture of ARCHITECTURES) {
      const saved = join(home, `buildkit-${architecture}.tar`)
      const options = values().map((value) => `build-arg:${value}`)
      options.push('filename=Containerfile', `platform=linux/${architecture}`)
      await runOk(
        part('buildctl'),
        [
          ...['--addr', `unix://${daemon.socket}`, 'build', '--frontend', 'dockerfile.v0'],
          ...['--local', `context=${context()}`, '--local', `dockerfile=${context()}`],
          ...options.flatMap((option) => ['--opt', option]),
          ...['--output', `type=docker,name=berth:buildkit,dest=${saved}`],
        ],
        { timeoutMs: BUILD_TIMEOUT_MS },
      )
      await assertSame(saved, 'berth:buildkit', architecture)
    }
  })

  it('is loaded by Docker from the file of several architectures, each under a tag of its own', async () => {
    await room.docker('load', '--input', file)
    for (const architecture of ARCHITECTURES) {
      const shown = await room.docker(
        ...['inspect', '--format', '{{.Architecture}}', `berth:0.1.0-${architecture}`],
      )
      assert.equal(shown.trim(), architecture)
    }
  })

  it('stands on an image of Debian by BASE, whose /lib is a link', async () => {
    const merged = join(home, 'merged')
    await runOk('sh', ['-ec', MERGE, join(context(), own, 'debian-files'), merged])
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
