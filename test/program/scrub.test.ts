import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobFile } from '../support/content/blob-file.ts'
import { runFailing, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN, type BootedBerth, bootBerth } from '../support/program/boot-berth.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const CONFIG = Buffer.from('{}')
const LAYER = Buffer.from('a layer')
const SECOND = Buffer.from('a second layer')
const REPOSITORY = 'alice/app'

/** A server with an image of two layers. */
async function open() {
  await using resources = new AsyncDisposableStack()
  const berth = resources.use(await bootBerth({ users: [{ name: 'alice', isAdmin: true }] }))
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
  for (const bytes of [CONFIG, LAYER, SECOND]) await pushBlob(http, REPOSITORY, bytes)
  const manifest = formatManifest([CONFIG, LAYER, SECOND])
  assert.equal(await putManifest(http, { repository: REPOSITORY, reference: '1.0' }, manifest), 201)
  const kept = resources.move()
  return {
    berth,
    http,
    pull: (bytes: Buffer, method = 'GET') =>
      http.send(method, `/v2/${REPOSITORY}/blobs/${hashSha256(bytes)}`),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

const fails = ({ dataDir }: BootedBerth, args: readonly string[]) =>
  runFailing(BERTH_BIN, [...args, '--data', dataDir])

test('a damaged layer is found beside a running server, named with its tag, and mended by its push', async () => {
  await using t = await open()
  const { berth } = t
  assert.match(await berth.command(['scrub', '--now']), /^Verified: 4 blobs and manifests/)
  await writeFile(blobFile(berth.dataDir, hashSha256(LAYER)), 'A layer')
  assert.match(
    await fails(berth, ['scrub', '--now']),
    /damaged 1, of these mended 0[\s\S]*error\[CONTENT_DAMAGED\]/,
  )
  const { status, body } = await t.pull(LAYER)
  assert.equal(status, 404)
  assert.match(String(body), /BLOB_UNKNOWN.*stored copy of this blob is damaged or missing/)
  assert.equal((await t.pull(LAYER, 'HEAD')).status, 404)
  assert.equal((await t.pull(SECOND)).status, 200)
  assert.equal((await t.http.send('GET', `/v2/${REPOSITORY}/manifests/1.0`)).status, 200)
  assert.match(
    await berth.command(['scrub', 'list']),
    new RegExp(`${hashSha256(LAYER)} +other bytes .*${REPOSITORY}:1\\.0`),
  )
  assert.match(await berth.command(['scrub', 'status']), /^damaged now +1 since/m)
  const aside = join(berth.dataDir, `berth-quarantine/${hashSha256(LAYER).replace(':', '-')}`)
  assert.equal(await readFile(aside, 'utf8'), 'A layer')
  assert.ok(!existsSync(blobFile(berth.dataDir, hashSha256(LAYER))))
  assert.match(await fails(berth, ['doctor']), /FAILED +content +One blob is damaged/)
  await pushBlob(t.http, REPOSITORY, LAYER)
  assert.ok((await t.pull(LAYER)).body.equals(LAYER))
  assert.match(await berth.command(['scrub', '--now', '--again']), /damaged 0/)
})

test('damaged and missing content is fetched from another registry, and what it lacks is named', async () => {
  await using t = await open()
  await using mirror = await open()
  const { berth } = t
  await using folder = await makeTempFolder('mirror')
  const passwordFile = join(folder.path, 'password')
  await writeFile(passwordFile, `${mirror.berth.requirePassword('alice')}\n`)
  const own = Buffer.from('a layer that the mirror does not have')
  await pushBlob(t.http, REPOSITORY, own)
  await writeFile(blobFile(berth.dataDir, hashSha256(LAYER)), 'wrong')
  await rm(blobFile(berth.dataDir, hashSha256(SECOND)))
  await rm(blobFile(berth.dataDir, hashSha256(own)))
  await fails(berth, ['scrub', '--now'])
  const flags = ['--repair-from', mirror.berth.url, '--username', 'alice', '--password-file', passwordFile]
  const output = await fails(berth, ['scrub', ...flags])
  assert.match(output, new RegExp(`ok +${hashSha256(LAYER)} from ${REPOSITORY}`))
  assert.match(output, new RegExp(`FAILED +${hashSha256(own)}: .*404`))
  assert.match(output, /Repaired 2, failed 1/)
  for (const bytes of [LAYER, SECOND]) assert.ok((await t.pull(bytes)).body.equals(bytes))
  assert.equal((await t.pull(own)).status, 404)
  const plain = ['scrub', '--repair-from', 'http://mirror.example', ...flags.slice(2)]
  assert.match(await fails(berth, plain), /A password is not sent over plain HTTP to mirror\.example/)
  const wrong = ['--repair-from', mirror.berth.url, '--username', 'alice', '--password-stdin']
  assert.match(
    await runFailing(BERTH_BIN, ['scrub', ...wrong, '--data', berth.dataDir], { input: 'wrong' }),
    /Repaired 0, failed 1/,
  )
})

test('/readyz warns of damaged content, and stays 200', async () => {
  await using t = await open()
  await writeFile(blobFile(t.berth.dataDir, hashSha256(LAYER)), '')
  const result = JSON.parse(
    (await fails(t.berth, ['scrub', '--now', '--json']))
      .split('\n')
      .find((line) => line.startsWith('{"end"')) ?? '{}',
  )
  assert.deepEqual([result.end, result.found, result.damaged], ['ended', 1, 1])
  const { status, body } = await t.http.send('GET', '/readyz')
  assert.equal(status, 200)
  const { warnings } = JSON.parse(String(body))
  assert.deepEqual([warnings[0].code, warnings[0].count], ['CONTENT_DAMAGED', 1])
  const { damages } = JSON.parse(
    await runOk(BERTH_BIN, ['scrub', 'list', '--json', '--data', t.berth.dataDir]),
  )
  assert.deepEqual([damages[0].kind, damages[0].foundSize, damages[0].size], ['changed', 0, LAYER.length])
})
