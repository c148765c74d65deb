import assert from 'node:assert/strict'
import { copyFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { openClientRoom } from '../support/clients/client-room.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { type ElfFile, findElfFiles } from './elf-files.ts'
import { isAnswering, pack } from './packages.ts'
import { type SavedImage, unpackSavedImage } from './saved-image.ts'

/** Number of the processor in an ELF header (EM_AARCH64). */
const ARM64 = 183
/** Folders where the loader of Debian's arm64 looks for libraries. */
const LIBRARY_FOLDERS = ['/lib/aarch64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/lib', '/usr/lib']
/** Programs and libraries of the image: the executable, the loader, and what libc6 and the others bring. */
const MIN_ELF_FILES = 15
const TOOLS = ['buildah', 'skopeo', 'strip', 'aarch64-linux-gnu-strip', 'x86_64-linux-gnu-strip'] as const

interface Entry {
  readonly digest: string
  readonly platform?: { readonly os: string; readonly architecture: string }
  readonly artifactType?: string
}

describe('an image of two architectures, made on a machine of one', { skip: skipReason(...TOOLS) }, () => {
  const resources = new AsyncDisposableStack()
  let home: string
  let file: string
  let arm64: SavedImage
  let programs: ElfFile[]

  before(async () => {
    home = resources.use(await makeTempFolder('two-architectures')).path
    file = await pack('image', join(home, 'made'), '--arch', 'amd64,arm64')
    arm64 = await unpackSavedImage(file, join(home, 'arm64'), 'berth:0.1.0-arm64')
    programs = await findElfFiles(arm64.root)
  })
  after(() => resources.disposeAsync())

  const readParts = async (architecture: string): Promise<string[]> => {
    const text = await readFile(join(home, `made/berth-0.1.0-${architecture}.spdx.json`), 'utf8')
    const { packages } = JSON.parse(text) as { packages: { externalRefs: { referenceLocator: string }[] }[] }
    return packages.map(({ externalRefs: [ref] }) => ref?.referenceLocator ?? '')
  }

  it('has programs and libraries of arm64 alone in the image of arm64', async () => {
    assert.deepEqual([arm64.config.architecture, arm64.config.os], ['arm64', 'linux'])
    assert.ok(programs.length >= MIN_ELF_FILES, `only ${programs.length}`)
    const berth = programs.find(({ path }) => path === '/usr/bin/berth')
    assert.equal(berth?.interpreter, '/lib/ld-linux-aarch64.so.1')
    assert.ok(berth.needed.includes('libatomic.so.1'))
    assert.deepEqual(
      programs.filter(({ machine }) => machine !== ARM64),
      [],
    )
    const paths = await readdir(arm64.root, { recursive: true })
    assert.deepEqual(
      paths.filter((path) => /x86[-_]64|amd64/.test(path)),
      [],
    )
  })

  it('has every library and loader that they need', async () => {
    const paths = new Set((await readdir(arm64.root, { recursive: true })).map((path) => `/${path}`))
    for (const { path, interpreter, needed } of programs) {
      if (interpreter !== undefined) assert.ok(paths.has(interpreter), `${path} needs ${interpreter}`)
      for (const name of needed) {
        const places = LIBRARY_FOLDERS.map((folder) => `${folder}/${name}`)
        assert.ok(
          places.some((place) => paths.has(place)),
          `${path} needs ${name}`,
        )
      }
    }
  })

  it('names the parts of each architecture in its list', async () => {
    const [amd, arm] = await Promise.all(['amd64', 'arm64'].map(readParts))
    const architectureOf = (purls: string[] = []): (string | undefined)[] =>
      ['pkg:deb/debian/libc6@', 'pkg:deb/debian/libatomic1@', 'pkg:generic/node@'].map(
        (start) => purls.find((purl) => purl.startsWith(start))?.split('?arch=')[1],
      )
    assert.deepEqual(architectureOf(amd), ['amd64', 'amd64', 'amd64'])
    assert.deepEqual(architectureOf(arm), ['arm64', 'arm64', 'arm64'])
    assert.ok(arm?.every((purl) => !purl.includes('arch=amd64')))
    // Optional, and yet part of the bundle.
    assert.ok(arm?.some((purl) => purl.startsWith('pkg:npm/pg-cloudflare@')))
  })

  it('runs on arm64, and serves', { skip: skipReason('chroot', 'qemu-aarch64-static') }, async () => {
    await copyFile(part('qemu-aarch64-static'), join(arm64.root, 'qemu'))
    const emulated = (...args: string[]): string[] => [arm64.root, '/qemu', '/usr/bin/berth', ...args]
    assert.match(await runOk('chroot', emulated('version')), /^berth 0\.1\.0 \(node 26\./)
    const port = await findFreePort()
    const server = await startProcess('chroot', {
      args: emulated('--data', '/data/berth', 'serve', '--listen-http', `127.0.0.1:${port}`),
      logFile: join(home, 'arm64.log'),
      isReady: () => isAnswering(port),
    })
    try {
      const password = await readFile(join(arm64.root, 'data/berth/first-password'), 'utf8')
      const selftest = ['selftest', `http://127.0.0.1:${port}`, '--username', 'admin', '--password-stdin']
      assert.match(await runOk(BERTH_BIN, selftest, { input: password }), /works\n$/)
    } finally {
      assert.equal(await server.stop(), 0)
    }
  })

  it('comes into a registry as one tag with an image for each, with its documents', async () => {
    await using room = await openClientRoom()
    const { host } = room.berth
    const login = ['login', host, '--plain-http', '-u', 'alice', '--password-stdin']
    await room.run('oras', login, room.berth.requirePassword('alice'))
    const reference = `${host}/alice/berth:0.1.0`
    const copy = ['cp', '--recursive', '--from-oci-layout', `${file}:0.1.0`, '--to-plain-http', reference]
    await room.run('oras', copy)
    const credentials = `alice:${room.berth.requirePassword('alice')}`
    const read = async (path: string): Promise<Entry[]> => {
      const accept = 'Accept: application/vnd.oci.image.index.v1+json'
      const url = `http://${host}/v2/alice/berth/${path}`
      const text = await runOk('curl', ['-sf', '-u', credentials, '-H', accept, url])
      return (JSON.parse(text) as { manifests: Entry[] }).manifests
    }
    const images = await read('manifests/0.1.0')
    assert.deepEqual(
      images.map(({ platform }) => platform),
      ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture })),
    )
    for (const { digest, platform } of images) {
      const types = (await read(`referrers/${digest}`)).map(({ artifactType }) => artifactType)
      assert.deepEqual(types.sort(), ['application/spdx+json', 'application/vnd.in-toto+json'])
      const choose = ['--override-arch', platform?.architecture ?? '', '--tls-verify=false']
      const shown = await room.run('skopeo', ['inspect', ...choose, '--config', `docker://${reference}`])
      assert.equal((JSON.parse(shown) as { architecture: string }).architecture, platform?.architecture)
    }
  })

  it('has one digest for arm64, alone or with another', async () => {
    const alone = await pack('image', join(home, 'alone'), '--arch', 'arm64')
    assert.ok(alone.endsWith('/berth-0.1.0-arm64.tar'))
    const reference = `oci-archive:${alone}:0.1.0`
    const inspect = ['inspect', '--override-arch', 'arm64', '--format', '{{.Digest}}', reference]
    const digest = (await runOk('skopeo', inspect)).trim()
    const both = await runOk('skopeo', ['inspect', '--raw', `oci-archive:${file}:0.1.0`])
    const [, arm] = (JSON.parse(both) as { manifests: Entry[] }).manifests
    assert.deepEqual(arm, { ...arm, digest })
  })
})
