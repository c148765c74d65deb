import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { formatRegistryConfig } from '../../bench/servers/registry-config.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { isolatedEnvironment } from '../support/clients/client-room.ts'
import { type Image, makeImage, makeIndex } from '../support/content/make-image.ts'
import { readOciLayout, writeOciLayout } from '../support/content/oci-layout.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { basicLogin } from '../support/requests/basic-login.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PASSWORD = 'there and back again'
const REPOSITORY = 'admin/app'
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

for (const program of ['docker-registry', 'registry']) {
  describe(`${program} and Berth on one folder`, { skip: skipReason(program, 'skopeo') }, () => {
    it('serve it in turns, bit by bit the same, again and again', async () => {
      await using room = await openRoom(program)
      for (const round of [1, 2]) {
        await room.berth(async (site) => {
          await site.copyIn(imageFor(`berth ${round}`), ['latest', `berth-${round}`])
          await site.putReferrer(round)
          await site.putSha512(round)
          if (round > 1) await site.removeTag(`berth-${round - 1}`)
          await room.command('leave')
          await site.copyIn(imageFor(`pushed after it ${round}`), [`after-${round}`])
          await site.checkAll()
        })
        await room.command('leave')
        await room.distribution(async (site) => {
          await site.checkAll()
          await site.copyIn(imageFor(`${program} ${round}`), ['latest', `there-${round}`])
          await site.copyIn(imageFor(`overwritten ${round}`), [`after-${round}`])
          await site.checkAll()
        })
        await room.command('adopt')
        await room.berth(async (site) => {
          await site.checkAll()
          await site.checkReferrers()
        })
        await room.collectGarbage()
        await room.berth((site) => site.checkAll())
      }
    })
  })
}

function imageFor(seed: string): Image {
  const layers = [
    [{ path: 'seed', bytes: Buffer.from(seed) }],
    [{ path: 'base', bytes: Buffer.from('the same in all') }],
  ]
  const platform = (architecture: string) => ({ os: 'linux', architecture })
  return makeIndex([
    makeImage({ layers, platform: platform('amd64') }),
    makeImage({ layers, platform: platform('arm64') }),
  ])
}

/** Content that every registry in turn must have. */
interface Ledger {
  readonly tags: Map<string, string>
  /** Manifests and blobs by digest. */
  readonly manifests: Map<string, Buffer>
  readonly blobs: Map<string, Buffer>
  readonly gone: Set<string>
  /** The last image that has referrers, and their digests. */
  readonly referrers: Map<string, string[]>
}

async function openRoom(program: string) {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('way-back'))
  const root = join(folder.path, 'root')
  const env = await isolatedEnvironment(folder.path)
  const ledger: Ledger = {
    tags: new Map(),
    manifests: new Map(),
    blobs: new Map(),
    gone: new Set(),
    referrers: new Map(),
  }
  const add = ['user', 'add', 'admin', '--admin', '--new', '--password-stdin', '--data', root]
  await runOk(process.execPath, [MAIN, ...add], { env, cwd: folder.path, input: PASSWORD })
  const configFile = join(folder.path, 'config.yml')
  const kept = resources.move()
  return {
    async berth(work: (site: Site) => Promise<void>): Promise<void> {
      const port = await findFreePort()
      const server = await BerthProcess.start({
        dataDir: root,
        port,
        logFile: join(folder.path, 'berth.log'),
      })
      try {
        await work(createSite({ ledger, port, env, password: PASSWORD, folder: folder.path }))
      } finally {
        await server.stop()
      }
    },
    async distribution(work: (site: Site) => Promise<void>): Promise<void> {
      const port = await findFreePort()
      await writeFile(configFile, formatRegistryConfig({ root, port }))
      const server = await startProcess(part(program), {
        args: ['serve', configFile],
        logFile: join(folder.path, 'distribution.log'),
        isReady: () => isListening(port),
      })
      try {
        await work(createSite({ ledger, port, env, password: undefined, folder: folder.path }))
      } finally {
        await server.stop()
      }
    },
    command: (name: string) =>
      runOk(process.execPath, [MAIN, name, '--data', root], { env, cwd: folder.path }),
    /** A job of the former registry that was not removed: it fails, as it finds no repositories. */
    async collectGarbage(): Promise<void> {
      const { code } = await runCommand(part(program), ['garbage-collect', '--delete-untagged', configFile], {
        env,
        cwd: folder.path,
      })
      assert.notEqual(code, 0)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

type Site = ReturnType<typeof createSite>

/** A registry that serves at the moment. */
function createSite({
  ledger,
  port,
  env,
  password,
  folder,
}: {
  ledger: Ledger
  port: number
  env: NodeJS.ProcessEnv
  password: string | undefined
  folder: string
}) {
  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path, `http://127.0.0.1:${port}/v2/${REPOSITORY}/`), {
      ...init,
      headers: {
        ...init.headers,
        ...(password === undefined ? {} : { authorization: basicLogin('admin', password) }),
      },
    })
  const skopeo = (args: readonly string[]): Promise<string> =>
    runOk(part('skopeo'), args, { env, cwd: folder })
  const reference = (tag: string): string => `docker://127.0.0.1:${port}/${REPOSITORY}:${tag}`
  const creds = (side: 'src' | 'dest'): string[] => [
    `--${side}-tls-verify=false`,
    ...(password === undefined ? [] : [`--${side}-creds`, `admin:${password}`]),
  ]
  const putBlob = async (bytes: Buffer, algorithm: string): Promise<string> => {
    const digest = hash(bytes, algorithm)
    const { headers } = await request('blobs/uploads/', { method: 'POST' })
    const location = new URL(headers.get('location') ?? '', `http://127.0.0.1:${port}`)
    location.searchParams.set('digest', digest)
    const put = await request(location.href, { method: 'PUT', body: new Uint8Array(bytes) })
    assert.equal(put.status, 201, await put.text())
    ledger.blobs.set(digest, bytes)
    return digest
  }
  const putManifest = async (document: object, algorithm: string): Promise<string> => {
    const bytes = Buffer.from(JSON.stringify(document))
    const digest = hash(bytes, algorithm)
    const headers = { 'content-type': OCI_MANIFEST }
    const put = await request(`manifests/${digest}`, { method: 'PUT', body: new Uint8Array(bytes), headers })
    assert.equal(put.status, 201, await put.text())
    ledger.manifests.set(digest, bytes)
    return digest
  }
  const makeManifest = async (text: string, algorithm: string, more: object = {}): Promise<object> => {
    const layer = Buffer.from(text)
    const config = Buffer.from(JSON.stringify({ text }))
    return {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: {
        mediaType: 'application/x.config',
        digest: await putBlob(config, algorithm),
        size: config.length,
      },
      layers: [
        { mediaType: 'application/x.layer', digest: await putBlob(layer, algorithm), size: layer.length },
      ],
      ...more,
    }
  }
  return {
    async copyIn(image: Image, tags: readonly string[]): Promise<void> {
      const layout = join(folder, `in-${image.root.descriptor.digest.slice(7, 19)}`)
      await writeOciLayout(layout, { image })
      for (const tag of tags) {
        await skopeo([
          'copy',
          '--all',
          '--preserve-digests',
          ...creds('dest'),
          `oci:${layout}:image`,
          reference(tag),
        ])
        ledger.tags.set(tag, image.root.descriptor.digest)
      }
      for (const { descriptor, bytes } of [image.root, ...image.contents]) {
        const kind = /\.(?:manifest|index)\./.test(descriptor.mediaType) ? 'manifests' : 'blobs'
        ledger[kind].set(descriptor.digest, Buffer.from(bytes))
      }
    },
    async putReferrer(round: number): Promise<void> {
      const subject = ledger.tags.get('latest') ?? ''
      const size = ledger.manifests.get(subject)?.length
      const mediaType = 'application/vnd.oci.image.index.v1+json'
      const more = { artifactType: 'application/x.signature', subject: { mediaType, digest: subject, size } }
      const digest = await putManifest(await makeManifest(`signature ${round}`, 'sha256', more), 'sha256')
      ledger.referrers.set(subject, [digest])
    },
    async putSha512(round: number): Promise<void> {
      await putManifest(await makeManifest(`by sha512 ${round}`, 'sha512'), 'sha512')
    },
    async removeTag(tag: string): Promise<void> {
      assert.equal((await request(`manifests/${tag}`, { method: 'DELETE' })).status, 202)
      ledger.tags.delete(tag)
      ledger.gone.add(tag)
    },
    async checkReferrers(): Promise<void> {
      for (const [subject, digests] of ledger.referrers) {
        const { manifests } = (await (await request(`referrers/${subject}`)).json()) as {
          manifests: { digest: string }[]
        }
        assert.deepEqual(
          manifests.map(({ digest }) => digest),
          digests,
        )
      }
    },
    /** Everything that was ever pushed, by digest; and all tags by skopeo, which compares digests, too. */
    async checkAll(): Promise<void> {
      for (const [digest, bytes] of ledger.manifests) {
        const headers = { accept: `${OCI_MANIFEST}, application/vnd.oci.image.index.v1+json` }
        const answer = await request(`manifests/${digest}`, { headers })
        assert.equal(answer.status, 200, `${digest}: ${await answer.clone().text()}`)
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes)
      }
      for (const [digest, bytes] of ledger.blobs) {
        const answer = await request(`blobs/${digest}`)
        assert.equal(answer.status, 200, digest)
        assert.deepEqual(Buffer.from(await answer.arrayBuffer()), bytes)
      }
      const { tags } = (await (await request('tags/list')).json()) as { tags: string[] }
      assert.deepEqual(tags.toSorted(), [...ledger.tags.keys()].toSorted())
      for (const [tag, digest] of ledger.tags) {
        await using pulled = await makeTempFolder('pulled')
        const out = pulled.path
        await skopeo([
          'copy',
          '--all',
          '--preserve-digests',
          ...creds('src'),
          reference(tag),
          `oci:${out}:image`,
        ])
        const { roots } = await readOciLayout(out)
        assert.deepEqual(
          roots.map((root) => root.digest),
          [digest],
        )
      }
    },
  }
}

function hash(bytes: Buffer, algorithm: string): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}
