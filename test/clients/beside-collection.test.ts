import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { POLICY_NOW } from '../../src/app/collection/collection-terms.ts'
import { MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import { DiskBlobStore } from '../../src/blobs/disk/disk-blob-store.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'
import { createCollectionFacts } from '../../src/metadata/collection/create-collection-facts.ts'
import type { MetadataSchema } from '../../src/metadata/schema.ts'
import { collect } from '../../src/upkeep/collect/collector.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { startBuildkitd } from '../parts/start-buildkitd.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'
import { fastClockEnvironment, fastNow } from '../support/program/fast-clock.ts'
import { basicLogin } from '../support/requests/basic-login.ts'

/** An hour of the registry, for which clients rely on its answers, is a minute and a half. */
const SPEED = 40
/** Time for which all clients push, in ms: what is overwritten in its first half is removed in the second. */
const LENGTH_MS = Number(process.env.BERTH_CLIENTS_BESIDE_MS ?? 210_000)
/** Time between the answer to a HEAD and the manifest that relies on it, in ms: forty minutes of the registry. */
const RELIED_MS = 60_000
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }
/** Pause between two rounds, in ms. */
const PAUSE_MS = 50

const PARTS = ['crane', 'skopeo', 'cosign', 'docker', 'dockerd', 'buildkitd', 'buildctl', 'runc', 'busybox']

describe('clients beside collection without a rest and without days', { skip: skipReason(...PARTS) }, () => {
  const begin = Date.now()
  const end = new AbortController()
  let room: ClientRoom
  let docker: StartedDaemon
  let buildkit: StartedDaemon
  let authorization: string
  let removed = { blob: 0, manifest: 0 }
  let collecting: Promise<void> = Promise.resolve()
  const isOver = (): boolean => Date.now() > begin + LENGTH_MS

  before(async () => {
    docker = await startDockerd()
    const env = fastClockEnvironment(begin, SPEED)
    // Its own rounds come once a minute; those of this test follow one another.
    room = await openClientRoom({
      env,
      flags: ['--keep-days', '0', '--collect-rate', '10000', '--token-lifetime', '3600'],
    })
    buildkit = await startBuildkitd(room.berth.host)
    room.env.DOCKER_HOST = `unix://${docker.socket}`
    room.env.COSIGN_PASSWORD = ''
    const password = room.berth.requirePassword('alice')
    authorization = basicLogin('alice', password)
    const auths = { auths: { [room.berth.host]: { auth: authorization.slice('Basic '.length) } } }
    await writeFile(join(room.folder, 'docker', 'config.json'), JSON.stringify(auths))
    await writeFile(join(room.folder, 'auth.json'), JSON.stringify(auths))
    await room.run('cosign', ['generate-key-pair'])
    collecting = collectUntil(end.signal)
  })
  after(async () => {
    end.abort()
    await collecting
    await docker?.stop()
    await buildkit?.stop()
    await room?.[Symbol.asyncDispose]()
  })

  it('no push fails, and each image can be pulled whole', {
    timeout: LENGTH_MS + 300_000,
  }, async (context) => {
    const loops = { overwriteLatest, synchronise, sign, pushWithDocker, buildWithBuildKit, relyOnHead }
    const rounds = await Promise.all(
      Object.entries(loops).map(async ([name, round]) => {
        let count = 0
        for (; !isOver(); count++) await round(count)
        return `${count} ${name}`
      }),
    )
    context.diagnostic(
      `${rounds.join(', ')}; ${removed.manifest} manifests and ${removed.blob} blobs were removed`,
    )
    assert.ok(removed.manifest > 0 && removed.blob > 0, 'nothing was collected meanwhile')
  })

  /** Rounds of a second process on the same data, as several nodes may have. */
  async function collectUntil(signal: AbortSignal): Promise<void> {
    const { dataDir } = room.berth
    const database = await openSqliteDatabase<MetadataSchema>(join(dataDir, 'berth.db'), {
      migrations: MIGRATION_SETS,
    })
    const blobs = await DiskBlobStore.open(dataDir)
    const facts = createCollectionFacts(database, () => fastNow(begin, SPEED, Date.now()))
    while (!signal.aborted) {
      const round = await collect({ blobs, facts, policy: POLICY_NOW, pace: UNPACED })
      removed = {
        blob: removed.blob + round.removed.blob,
        manifest: removed.manifest + round.removed.manifest,
      }
      await sleep(PAUSE_MS)
    }
    await blobs.close()
    await database.close()
  }

  function reference(name: string): string {
    return `${room.berth.host}/alice/${name}`
  }

  async function writeLayout(name: string): Promise<string> {
    const layout = join(room.folder, name)
    const shared = Buffer.alloc(200_000, 's')
    const layers = [[{ path: 'shared', bytes: shared }], [{ path: 'own', bytes: randomBytes(20_000) }]]
    await writeOciLayout(layout, { app: makeImage({ layers }) })
    return layout
  }

  async function overwriteLatest(): Promise<void> {
    await room.run('crane', ['push', '--insecure', await writeLayout('latest'), reference('app:latest')])
    await room.run('crane', ['validate', '--insecure', '--remote', reference('app:latest')])
  }

  async function synchronise(): Promise<void> {
    const layout = await writeLayout('synced')
    for (const tag of ['1', '2']) {
      const goal = `docker://${reference(`synced:${tag}`)}`
      await room.run('skopeo', ['copy', '--dest-tls-verify=false', `oci:${layout}:app`, goal])
    }
    const flags = ['--src', 'docker', '--src-tls-verify=false', '--dest', 'docker', '--dest-tls-verify=false']
    await room.run('skopeo', ['sync', ...flags, reference('synced'), reference('mirror')])
    await room.run('crane', ['validate', '--insecure', '--remote', reference('mirror/synced:2')])
  }

  async function sign(): Promise<void> {
    await room.run('crane', ['push', '--insecure', await writeLayout('signed'), reference('signed:1')])
    const digest = (await room.run('crane', ['digest', '--insecure', reference('signed:1')])).trim()
    const signed = reference(`signed@${digest}`)
    await room.run('cosign', ['sign', '--key', 'cosign.key', '--tlog-upload=false', '--yes', signed])
    await room.run('cosign', ['verify', '--key', 'cosign.pub', '--insecure-ignore-tlog', signed])
  }

  async function pushWithDocker(count: number): Promise<void> {
    const tar = makeTar([{ path: 'own', bytes: randomBytes(20_000) }])
    await room.run('docker', ['import', '-', reference('docker:latest')], tar)
    await room.run('docker', ['push', reference('docker:latest')])
    await room.run('docker', ['tag', reference('docker:latest'), reference('docker-mounted:latest')])
    await room.run('docker', ['push', reference('docker-mounted:latest')])
    for (const name of ['docker:latest', 'docker-mounted:latest'])
      await room.run('docker', ['rmi', reference(name)])
    await room.run('docker', ['pull', reference(count % 2 === 0 ? 'docker:latest' : 'docker-mounted:latest')])
  }

  async function buildWithBuildKit(): Promise<void> {
    const context = join(room.folder, 'context')
    await mkdir(context, { recursive: true })
    await copyFile(part('busybox'), join(context, 'busybox'))
    await writeFile(join(context, 'own'), randomBytes(1_000))
    await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY busybox /busybox\nCOPY own /own\n')
    const cache = `type=registry,ref=${reference('cache:1')}`
    await room.run('buildctl', [
      ...[
        '--addr',
        `unix://${buildkit.socket}`,
        'build',
        '--frontend',
        'dockerfile.v0',
        '--progress',
        'plain',
      ],
      ...['--local', `context=${context}`, '--local', `dockerfile=${context}`],
      ...['--output', `type=image,push=true,name=${reference('built:latest')}`],
      ...['--import-cache', cache, '--export-cache', `${cache},mode=max`],
    ])
    await room.run('crane', ['validate', '--insecure', '--remote', reference('built:latest')])
  }

  /** Pushes blobs, finds them by HEAD much later, as a second push does, and names them later still. */
  async function relyOnHead(count: number): Promise<void> {
    if (Date.now() + RELIED_MS > begin + LENGTH_MS) return void (await sleep(1_000))
    const image = makeImage({ layers: [[{ path: 'relied', bytes: Buffer.from(`relied ${count}`) }]] })
    const url = `${room.berth.url}/v2/alice/relied`
    for (const { descriptor, bytes } of image.contents) {
      const push = `${url}/blobs/uploads/?digest=${descriptor.digest}`
      assert.equal((await send('POST', push, bytes)).status, 201)
      assert.equal((await send('HEAD', `${url}/blobs/${descriptor.digest}`)).status, 200)
    }
    await sleep(RELIED_MS)
    const { descriptor, bytes } = image.root
    const answer = await send('PUT', `${url}/manifests/${count}`, bytes, descriptor.mediaType)
    assert.equal(answer.status, 201, await answer.text())
  }

  function send(method: string, url: string, bytes?: Uint8Array, type?: string): Promise<Response> {
    const headers = { authorization, ...(type === undefined ? {} : { 'content-type': type }) }
    return fetch(url, { method, headers, ...(bytes ? { body: Buffer.from(bytes) } : {}) })
  }
})
