// long: one server with content, and the checks of it, for every kind of full disk
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import {
  addAdministrator,
  BerthProcess,
  type BerthSite,
  fetchToken,
} from '../support/program/berth-process.ts'
import {
  formatManifest,
  hashSha256,
  openSession,
  pushBlob,
  putManifest,
  readOffset,
} from '../support/requests/push-content.ts'
import { type Answer, RawClient } from '../support/requests/raw-request.ts'
import { SmallDisk, whyNoLoopMounts, whyNoMounts } from './small-disk.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const REPOSITORY = 'full/app'
const MIB = 1024 * 1024
const skip = await whyNoMounts()

/** A server with some content, whose disks a test fills. */
interface Scene extends AsyncDisposable {
  readonly site: BerthSite
  readonly server: BerthProcess
  readonly basic: string
  /** A client with a token. */
  readonly http: RawClient
  readonly blobs: readonly Buffer[]
  readonly manifest: Buffer
}

type Folders = { readonly data: string; readonly blobs: string }

async function openScene(toFolders: (rest: TempFolder) => Folders): Promise<Scene> {
  const resources = new AsyncDisposableStack()
  const rest = resources.use(await makeTempFolder('faults'))
  const { data, blobs: root } = toFolders(rest)
  const site = {
    dataDir: join(data, 'data'),
    port: await findFreePort(),
    logFile: join(rest.path, 'berth.log'),
    // Full is full here: the floor that uploads leave free has tests of its own.
    flags: ['--registry-root', join(root, 'registry'), '--disk-floor', '0'],
  }
  const basic = await addAdministrator(site)
  const server = resources.use(await BerthProcess.start(site))
  const authorization = await fetchToken(site, basic, [REPOSITORY])
  // One connection: it shows that errors leave it usable.
  const http = resources.use(new RawClient(site.port, { authorization, maxSockets: 1 }))
  const blobs = [randomBytes(900), randomBytes(200_000)]
  for (const bytes of blobs) await pushBlob(http, REPOSITORY, bytes)
  const manifest = formatManifest(blobs)
  assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'v1' }, manifest), 201)
  return { site, server, basic, http, blobs, manifest, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

/** Checks that everything pushed before can be read, by token and by password, and that a token can be had. */
async function assertReadable({ site, basic, http, blobs, manifest }: Scene): Promise<void> {
  using byPassword = new RawClient(site.port, { authorization: basic })
  for (const client of [http, byPassword]) {
    const tagged = await client.send('GET', `/v2/${REPOSITORY}/manifests/v1`)
    assert.deepEqual([tagged.status, tagged.digest], [200, hashSha256(manifest)])
    for (const bytes of blobs) {
      const blob = await client.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`)
      assert.deepEqual([blob.status, blob.digest], [200, hashSha256(bytes)])
    }
  }
  assert.match(await fetchToken(site, basic, [REPOSITORY]), /^Bearer /)
}

function assertRefused({ status, body }: Answer, expected: readonly [number, string]): void {
  const { errors } = JSON.parse(String(body)) as { errors: { code: string }[] }
  assert.deepEqual([status, errors[0]?.code], expected, String(body))
}

const FULL = [507, 'STORAGE_FULL'] as const

function pushWhole(http: RawClient, bytes: Buffer): Promise<Answer> {
  return http.send('POST', `/v2/${REPOSITORY}/blobs/uploads/?digest=${hashSha256(bytes)}`, { body: bytes })
}

async function pushesWork({ http }: Scene): Promise<void> {
  const bytes = randomBytes(300_000)
  assert.equal((await pushWhole(http, bytes)).status, 201)
  const manifest = formatManifest([bytes], 'after')
  assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'after' }, manifest), 201)
  const { digest } = await http.send('GET', `/v2/${REPOSITORY}/manifests/after`)
  assert.equal(digest, hashSha256(manifest))
}

describe('a full disk', { skip }, () => {
  it('refuses what does not fit, serves what it has, and takes pushes again once there is room', async () => {
    await using disk = await SmallDisk.mount(16)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    const { http, site } = scene
    const location = await openSession(http, REPOSITORY)
    const started = randomBytes(2 * MIB)
    await http.send('PATCH', location, { body: started.subarray(0, MIB) })
    await disk.fill(2 * MIB)
    const room = await disk.freeBytes()
    const large = randomBytes(6 * MIB)
    const first = await pushWhole(http, large)
    assertRefused(first, FULL)
    assertRefused(await http.send('PATCH', await openSession(http, REPOSITORY), { body: large }), FULL)
    const again = await pushWhole(http, large)
    assertRefused(again, FULL)
    assert.equal(again.localPort, first.localPort, 'the connection was not used again')
    assert.ok((await disk.freeBytes()) > room - MIB / 2, 'refused pushes keep the room they took')
    await assertReadable(scene)
    assert.equal((await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(large)}`)).status, 404)
    assert.equal(await readOffset(http, location), MIB)

    await disk.free()
    await disk.fill()
    const small = await pushWhole(http, randomBytes(50_000))
    assertRefused(small, FULL)
    const manifest = formatManifest(scene.blobs, 'x'.repeat(200_000))
    assert.equal(await putManifest(http, { repository: REPOSITORY, reference: 'v2' }, manifest), 507)
    assert.equal((await http.send('GET', `/v2/${REPOSITORY}/manifests/v2`)).status, 404)
    await assertReadable(scene)

    await disk.free()
    const rest = started.subarray((await readOffset(http, location)) ?? assert.fail('the session is gone'))
    const finished = await http.send('PUT', `${location}?digest=${hashSha256(started)}`, { body: rest })
    assert.equal(finished.status, 201, String(finished.body))
    await pushesWork(scene)
    const uploads = await readdir(join(disk.path, 'registry/berth-uploads'))
    assert.ok(uploads.length <= 1, `left behind: ${uploads}`)
    assert.equal(await scene.server.stop(), 0)
    await using _server = await BerthProcess.start(site)
    await assertReadable(scene)
  })

  it('recovers where only the disk of the database is full', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene((rest) => ({ data: disk.path, blobs: rest.path }))
    const { http } = scene
    await disk.fill()
    // The log of the database has room of its own that it goes on using; large manifests use it up.
    const statuses = new Set<number>()
    let kept: Buffer[] = []
    for (let count = 0; count < 12; count++) {
      const manifest = formatManifest(scene.blobs, `${count}${'y'.repeat(900_000)}`)
      const status = await putManifest(http, { repository: REPOSITORY, reference: `big${count}` }, manifest)
      statuses.add(status)
      if (status === 201) kept = [...kept, manifest]
      const tagged = await http.send('GET', `/v2/${REPOSITORY}/manifests/big${count}`)
      assert.equal(tagged.status, status === 201 ? 200 : 404)
    }
    assert.ok(statuses.has(507), `${[...statuses]}`)
    assert.deepEqual(
      [...statuses].filter((status) => status !== 201 && status !== 507),
      [],
    )
    await assertReadable(scene)
    const orphan = randomBytes(10_000)
    const pushed = await pushWhole(http, orphan)
    if (pushed.status !== 201) assertRefused(pushed, FULL)
    const there = await http.send('GET', `/v2/${REPOSITORY}/blobs/${hashSha256(orphan)}`)
    assert.equal(there.status, pushed.status === 201 ? 200 : 404)
    await disk.free()
    await pushesWork(scene)
    await assertReadable(scene)
    assert.equal(await scene.server.stop(), 0)
    await using _server = await BerthProcess.start(scene.site)
    await assertReadable(scene)
    for (const manifest of kept) {
      const { digest } = await http.send('GET', `/v2/${REPOSITORY}/manifests/${hashSha256(manifest)}`)
      assert.equal(digest, hashSha256(manifest))
    }
  })

  it('starts after it was stopped well, and serves what it has', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    assert.equal(await scene.server.stop(), 0)
    await disk.fill()
    await using _server = await BerthProcess.start(scene.site)
    await assertReadable(scene)
    assert.match(await readFile(scene.site.logFile, 'utf8'), /headroom\\" was given up/)
    await disk.free()
    await pushesWork(scene)
  })

  it('starts without any room at all, and serves what it has', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    const { site } = scene
    for (const end of ['stopped', 'killed']) {
      if (end === 'stopped') assert.equal(await scene.server.stop(), 0)
      await rm(join(site.dataDir, 'headroom'), { force: true })
      await disk.fillUp()
      const before = (await readFile(site.logFile, 'utf8')).length
      await using server = await BerthProcess.start(site)
      await assertReadable(scene)
      const { status } = await scene.http.send('POST', `/v2/${REPOSITORY}/blobs/uploads/`)
      assert.ok(status === 503 || status === 507, `${status}`)
      const log = (await readFile(site.logFile, 'utf8')).slice(before)
      const isFrozen = /answers pulls from what is there/.test(log)
      // A killed server has left its side files, which take no more room.
      assert.ok(isFrozen || end === 'killed', log)
      await disk.free()
      const add = ['user', 'add', `after-${end}`, '--password-stdin', '--data', site.dataDir]
      await runOk(process.execPath, [MAIN, ...add], { input: 'correct horse battery' })
      // A frozen server would mix what it has read with what was changed.
      const { status: later, body } = await scene.http.send('GET', `/v2/${REPOSITORY}/manifests/v1`)
      assert.equal(later, isFrozen ? 503 : 200, String(body))
      if (isFrozen) assert.match(String(body), /once it is restarted/)
      await server.kill()
      await using again = await BerthProcess.start(site)
      await pushesWork(scene)
      // Its log stays behind.
      await again.kill()
    }
  })

  it('leaves room for commands and for deleting, and refuses pushes until it has it back', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    const { http, site } = scene
    await disk.fill()
    assertRefused(await pushWhole(http, randomBytes(50_000)), FULL)
    const berth = (args: readonly string[]) =>
      runOk(process.execPath, [MAIN, ...args, '--data', site.dataDir], { input: 'correct horse battery' })
    // Each takes pages of the log of the database; without the reserved room only the first would find some.
    for (let count = 0; count < 8; count++) await berth(['user', 'add', `u${count}`, '--password-stdin'])
    await berth(['user', 'passwd', 'u0', '--password-stdin'])
    await berth(['user', 'disable', 'u1'])
    await berth(['user', 'remove', 'u2', '--yes'])
    assert.ok(!(await readdir(site.dataDir)).includes('headroom'))
    assert.equal((await http.send('DELETE', `/v2/${REPOSITORY}/manifests/v1`)).status, 202)
    // The reserved room is not for pushes.
    assertRefused(await pushWhole(http, randomBytes(1_000)), FULL)
    await disk.free()
    await pushesWork(scene)
    assert.equal(await scene.server.stop(), 0)
    await using _server = await BerthProcess.start(site)
    assert.ok((await readdir(site.dataDir)).includes('headroom'))
  })

  it('starts on a full disk after a crash and serves what it has', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    await scene.server.kill()
    await disk.fill()
    await using _server = await BerthProcess.start(scene.site)
    await assertReadable(scene)
    await disk.free()
    await pushesWork(scene)
  })
})

describe('a disk with blocks of 1 KiB', { skip: await whyNoLoopMounts() }, () => {
  it('ends no server and no command by SIGBUS when it is full, whenever that happens', async () => {
    await using disk = await SmallDisk.mountExt4(12)
    await using scene = await openScene(() => ({ data: disk.path, blobs: disk.path }))
    const { http, site } = scene
    await disk.fillUp()
    let users = 0
    const writeSome = async (): Promise<void> => {
      // Writes to the database only.
      for (let count = 0; count < 12; count++) {
        const { status } = await http.send('POST', `/v2/${REPOSITORY}/blobs/uploads/`)
        assert.ok([202, 503, 507].includes(status), `${status}`)
      }
      const args = [MAIN, 'user', 'add', `u${++users}`, '--password-stdin', '--data', site.dataDir]
      const { code, stderr } = await runCommand(process.execPath, args, { input: 'correct horse battery' })
      assert.ok(code === 0 || /^error\[STORAGE_FULL\]/.test(stderr), stderr)
    }
    // A server whose shared memory was made while there was room.
    for (let turn = 0; turn < 2; turn++) await writeSome()
    await assertReadable(scene)
    assert.equal(scene.server.hasEnded, false)
    assert.equal(await scene.server.stop(), 0)
    // And one that starts with little room, of any size up to that of the shared memory and a little more.
    for (let left = 0; left <= 80; left += 16) {
      await disk.free()
      await disk.fillUp()
      await disk.giveBack(left * 1024)
      const server = BerthProcess.spawn(site)
      const isReady = await server.ready().then(
        () => true,
        () => false,
      )
      if (isReady) await writeSome()
      if (isReady) assert.equal(await server.stop(), 0, `with ${left} KiB left`)
      else assert.equal(await server.ended(), 1, `with ${left} KiB left`)
      await server.kill()
    }
  })
})

/** Longest that a server may take to end, in ms: far more than it needs. */
const MAX_STOP_MS = 8_000

describe('a disk of logs that fills in the last second', { skip }, () => {
  it('does not hold the end of the server up', async () => {
    await using rest = await makeTempFolder('faults')
    await using disk = await SmallDisk.mount(64)
    const siteLog = join(disk.path, 'sites')
    await mkdir(siteLog)
    const config = join(rest.path, 'berth.yaml')
    await writeFile(config, `sites: { a.example: { files: ${rest.path} } }`)
    const site = {
      dataDir: join(rest.path, 'data'),
      port: await findFreePort(),
      logFile: join(disk.path, 'berth.log'),
      flags: [
        ...['--config', config, '--domain', 'registry.example', '--listen-https', 'off', '--acme', 'off'],
        ...['--docker-host', 'off', '--https-method', 'noredirect', '--site-log', siteLog],
      ],
    }
    await using server = await BerthProcess.start(site)
    using http = new RawClient(site.port)
    const visit = { headers: { host: 'a.example' } }
    await http.send('GET', '/before', visit)
    await sleep(1_500)
    await disk.fill()
    // Uses up the room that is left in the last page of each file, before any write was refused.
    for (let count = 0; count < 60; count++) {
      await http.send('GET', `/${'x'.repeat(1_000)}`, visit)
      await http.send('GET', '/v2/', { headers: { host: 'registry.example', 'user-agent': 'x'.repeat(180) } })
    }
    const end = await Promise.race([server.stop(), sleep(MAX_STOP_MS, 'late', { ref: false })])
    assert.equal(end, 0)
    assert.match(await readFile(join(siteLog, 'a.example.log'), 'utf8'), /GET \/before/)
  })
})

describe('storage that is read-only', { skip }, () => {
  it('refuses pushes with 503, serves what it has, and takes pushes again once it can be written', async () => {
    await using disk = await SmallDisk.mount(8)
    await using scene = await openScene((rest) => ({ data: rest.path, blobs: disk.path }))
    const { http } = scene
    await disk.setReadOnly(true)
    const refused = await pushWhole(http, randomBytes(100_000))
    assertRefused(refused, [503, 'UNAVAILABLE'])
    assert.equal(
      await putManifest(http, { repository: REPOSITORY, reference: 'v2' }, formatManifest(scene.blobs, 'z')),
      503,
    )
    const ready = await http.send('GET', '/readyz')
    assertRefused(ready, [503, 'UNAVAILABLE'])
    assert.equal(ready.localPort, refused.localPort, 'the connection was not used again')
    await assertReadable(scene)
    await disk.setReadOnly(false)
    await pushesWork(scene)
  })
})
