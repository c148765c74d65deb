import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator, BerthProcess } from '../support/program/berth-process.ts'
import { formatManifest, hashSha256, openSession, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { SmallDisk, whyNoMounts } from './small-disk.ts'

const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))
const MIB = 1024 ** 2
const APP = 'alice/app'

test('a disk that fills up: 507 before the floor, pulls go on, deleting and collecting makes room for pushes', {
  skip: await whyNoMounts(),
}, async () => {
  await using disk = await SmallDisk.mount(96)
  await using logs = await makeTempFolder('floor')
  const site = {
    dataDir: join(disk.path, 'data'),
    port: await findFreePort(),
    logFile: join(logs.path, 'berth.log'),
    flags: ['--disk-floor', '32MiB'],
  }
  const basic = await addAdministrator(site)
  await using _server = await BerthProcess.start(site)
  using http = new RawClient(site.port, { authorization: basic })
  const command = (...args: string[]): Promise<string> => runOk(BERTH, [...args, '--data', site.dataDir])
  const push = async (layer: Buffer): Promise<{ status: number; body: string }> => {
    const target = `/v2/${APP}/blobs/uploads/?digest=${hashSha256(layer)}`
    const { status, body } = await http.send('POST', target, { body: layer })
    return { status, body: String(body) }
  }
  const config = Buffer.from('{}')
  assert.equal((await push(config)).status, 201)
  const layers: Buffer[] = []
  let last = { status: 0, body: '' }
  for (let number = 0; number < 30; number++) {
    const layer = Buffer.alloc(4 * MIB, `layer ${number} `)
    last = await push(layer)
    if (last.status !== 201) break
    layers.push(layer)
    const manifest = formatManifest([config, layer])
    const tag = { repository: APP, reference: `v${number}` }
    assert.equal(await putManifest(http, tag, manifest), 201)
  }
  assert.equal(last.status, 507, last.body)
  const [error] = JSON.parse(last.body).errors
  assert.equal(error.code, 'STORAGE_FULL')
  assert.equal(error.detail.neededBytes, 4 * MIB)
  assert.equal(error.detail.floorBytes, 32 * MIB)
  assert.ok(layers.length > 5, `${layers.length} layers`)
  assert.ok((await disk.freeBytes()) >= 32 * MIB)

  // Without a length the bytes are refused as they come.
  const session = await openSession(http, APP)
  const chunked = await fetch(new URL(session, `http://127.0.0.1:${site.port}`), {
    method: 'PATCH',
    headers: { authorization: basic },
    body: ReadableStream.from(Array.from({ length: 64 }, () => Buffer.alloc(MIB / 8))),
    duplex: 'half',
  } as RequestInit)
  assert.equal(chunked.status, 507, await chunked.text())
  assert.equal((await http.send('DELETE', session)).status, 204)
  assert.ok((await disk.freeBytes()) >= 32 * MIB - MIB)

  // Something else fills the disk below the floor: nothing begins, everything else goes on.
  await disk.fill(16 * MIB)
  await setTimeout(400)
  const refused = await http.send('POST', `/v2/${APP}/blobs/uploads/`)
  assert.equal(refused.status, 507, String(refused.body))
  assert.equal((await http.send('GET', `/v2/${APP}/manifests/v0`)).status, 200)
  const pulled = await http.send('GET', `/v2/${APP}/blobs/${hashSha256(layers[0] ?? config)}`)
  assert.equal(pulled.digest, hashSha256(layers[0] ?? config))
  assert.equal((await http.send('GET', `/token?scope=repository:${APP}:pull`)).status, 200)
  assert.equal((await http.send('DELETE', `/v2/${APP}/manifests/v0`)).status, 202)
  await command('tag', 'delete', APP, 'v*', '--yes')
  await disk.free()

  await command('repo', 'delete', APP, '--yes')
  // As if the last push was more than an hour ago: until then it could name the layers.
  makeOlder(join(site.dataDir, 'berth.db'), 2 * 3_600_000)
  const freeBefore = await disk.freeBytes()
  assert.match(await command('gc', '--now', '--yes'), /freed [0-9.]+ MiB/)
  assert.ok((await disk.freeBytes()) > freeBefore + 16 * MIB)
  await setTimeout(400)
  assert.equal((await push(Buffer.alloc(4 * MIB, 'a new layer'))).status, 201)
  const log = await readFile(site.logFile, 'utf8')
  assert.doesNotMatch(log, /database or disk is full|"headroom"/)
})

function makeOlder(file: string, ms: number): void {
  using database = new DatabaseSync(file)
  database.exec(`
    update repository_blobs set created_at = created_at - ${ms}, used_at = used_at - ${ms};
    update blob_claims set claimed_at = claimed_at - ${ms}`)
}
