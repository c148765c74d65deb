import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import type { Finding } from '../../src/app/doctor/finding.ts'
import { blobFile } from '../support/content/blob-file.ts'
import { until } from '../support/machine/until.ts'
import { bootBerth } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const CONFIG = Buffer.from('{}')
const REPOSITORY = 'alice/app'

/** A server with the account alice, whose content can be made older. */
async function open() {
  await using resources = new AsyncDisposableStack()
  const berth = resources.use(
    await bootBerth({ users: [{ name: 'alice', isAdmin: true }], flags: ['--collect-rate', '10000'] }),
  )
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
  const kept = resources.move()
  return {
    berth,
    http,
    /** Pushes an image with one layer of this text. */
    async push(tag: string, layer: string) {
      const bytes = Buffer.from(layer)
      await pushBlob(http, REPOSITORY, CONFIG)
      await pushBlob(http, REPOSITORY, bytes)
      const manifest = formatManifest([CONFIG, bytes])
      assert.equal(await putManifest(http, { repository: REPOSITORY, reference: tag }, manifest), 201)
      return { digest: hashSha256(manifest), layer: hashSha256(bytes) }
    },
    async readStatus(path: string): Promise<number> {
      return (await http.send('GET', `/v2/${REPOSITORY}/${path}`)).status
    },
    /** Findings of `berth doctor`, which needs no success. */
    async examine(check: string, state: string, ...flags: string[]): Promise<Finding[]> {
      const { stdout } = await runCli(['doctor', '--json', '--data', berth.dataDir, ...flags])
      const { findings } = JSON.parse(stdout) as { findings: Finding[] }
      return findings.filter((finding) => finding.check === check && finding.state === state)
    },
    isStored: (digest: string) => existsSync(blobFile(berth.dataDir, digest)),
    fileOf: (digest: string) => blobFile(berth.dataDir, digest),
    /** Lets all that happened so far be days older. */
    age: (days: number) => makeOlder(join(berth.dataDir, 'berth.db'), days * 24 * 3_600_000),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function makeOlder(file: string, ms: number): void {
  using database = new DatabaseSync(file)
  database.exec(`
    update repository_blobs set created_at = created_at - ${ms}, used_at = used_at - ${ms};
    update manifests set created_at = created_at - ${ms};
    update manifest_uses set used_at = used_at - ${ms};
    update tag_history set ended_at = ended_at - ${ms};
    update trashed_manifests set trashed_at = trashed_at - ${ms};
    update repositories set trashed_at = trashed_at - ${ms};
    update blob_claims set claimed_at = claimed_at - ${ms};
    update collection_queue set since = since - ${ms};
  `)
}

test('an overwritten image can be restored for two weeks, and then its bytes go', async () => {
  await using t = await open()
  const first = await t.push('latest', 'first')
  const second = await t.push('latest', 'second')
  assert.match(await t.berth.command(['tag', 'history', REPOSITORY, 'latest']), /alice.*moved.*alice/)
  await t.berth.command(['tag', 'restore', REPOSITORY, 'latest'])
  assert.match(await t.berth.command(['tag', 'list', REPOSITORY]), new RegExp(first.digest))
  await t.push('latest', 'second')
  t.age(13)
  await t.berth.command(['gc'])
  assert.equal(await t.readStatus(`manifests/${first.digest}`), 200)
  t.age(2)
  // It was pulled a moment ago, so that it is kept for two weeks more.
  assert.match(await t.berth.command(['gc', '--dry-run']), /kept until/)
  t.age(15)
  assert.match(await t.berth.command(['gc', '--dry-run']), new RegExp(`${first.digest}.*untagged.*removed`))
  assert.match(await t.berth.command(['gc']), /^Removed: 0 repositories, 1 manifests, 2 blobs; freed/)
  assert.equal(await t.readStatus(`manifests/${first.digest}`), 404)
  assert.equal(await t.readStatus(`blobs/${first.layer}`), 404)
  assert.deepEqual([t.isStored(first.layer), t.isStored(first.digest)], [false, false])
  assert.equal(await t.readStatus('manifests/latest'), 200)
  assert.equal(await t.readStatus(`blobs/${second.layer}`), 200)
})

test('a deleted repository is gone at once, comes back from the trash, and goes for good with it', async () => {
  await using t = await open()
  const image = await t.push('v1', 'layer')
  await t.berth.command(['repo', 'delete', REPOSITORY, '--yes'])
  assert.equal(await t.readStatus('manifests/v1'), 404)
  assert.equal(await t.readStatus(`blobs/${image.layer}`), 404)
  assert.deepEqual(JSON.parse(await t.berth.command(['repo', 'list', '--json'])), { repositories: [] })
  assert.match(await t.berth.command(['trash', 'list']), /alice\/app +repository +20\S+ \S+ +20/)
  await t.berth.command(['trash', 'restore', REPOSITORY])
  assert.equal(await t.readStatus('manifests/v1'), 200)
  assert.equal(await t.readStatus(`blobs/${image.layer}`), 200)
  await t.berth.command(['repo', 'delete', REPOSITORY, '--yes'])
  await t.berth.command(['trash', 'empty', '--yes'])
  await t.berth.command(['gc'])
  assert.deepEqual([t.isStored(image.layer), t.isStored(image.digest)], [false, false])
  await t.push('v1', 'layer')
  assert.equal(await t.readStatus(`blobs/${image.layer}`), 200)
})

test('a deleted manifest comes back with its tags, and `gc --now` leaves what a push may rely on', async () => {
  await using t = await open()
  const image = await t.push('v1', 'layer')
  assert.equal((await t.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${image.digest}`)).status, 202)
  assert.equal(await t.readStatus('manifests/v1'), 404)
  await t.berth.command(['trash', 'restore', `${REPOSITORY}@${image.digest}`])
  assert.equal(await t.readStatus('manifests/v1'), 200)
  await t.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${image.digest}`)
  const first = await t.berth.command(['gc', '--now', '--yes'])
  assert.match(first, /\nKept, used within the last hour: 0 images, 2 blobs without an image\n$/)
  assert.deepEqual([t.isStored(image.layer), t.isStored(image.digest)], [true, false])
  const other = await t.push('v2', 'another layer')
  await t.berth.command(['tag', 'delete', REPOSITORY, 'v2', '--yes'])
  for (const _again of [1, 2]) {
    const { keptLately } = JSON.parse(await t.berth.command(['gc', '--now', '--yes', '--json']))
    assert.deepEqual(keptLately, { manifests: 1, blobs: 1 })
  }
  assert.equal(t.isStored(other.digest), true)
  t.age(0.05)
  assert.doesNotMatch(await t.berth.command(['gc', '--now', '--yes']), /Kept/)
  assert.equal(t.isStored(image.layer), false)
})

test('bytes that could not be removed are named, and go with the next `gc` once the cause is mended', async () => {
  await using t = await open()
  const image = await t.push('v1', 'layer')
  await t.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${image.digest}`)
  const file = t.fileOf(image.layer)
  await rm(file)
  await mkdir(file)
  t.age(15)
  const named = new RegExp(`COLLECTION_FAILED.*1 entry ${image.layer}: EISDIR.*${file}`)
  await assert.rejects(t.berth.command(['gc']), named)
  await assert.rejects(t.berth.command(['gc']), named, 'it is tried again at once')
  await rm(file, { recursive: true })
  assert.match(await t.berth.command(['gc']), /^Removed: 0 repositories, 0 manifests, 1 blobs/)
  await t.push('v1', 'layer')
  assert.equal(await t.readStatus(`blobs/${image.layer}`), 200)
})

test('nothing is removed while the folder of the blobs has none, as one whose disk is not mounted', async () => {
  await using t = await open()
  const image = await t.push('v1', 'layer')
  await t.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${image.digest}`)
  t.age(15)
  const folder = join(t.berth.dataDir, 'docker')
  await rename(folder, `${folder}-away`)
  for (const flags of [[], ['--dry-run'], ['--now', '--yes']]) {
    await assert.rejects(t.berth.command(['gc', ...flags]), /DATA_NOT_FOUND.*no blobs/)
  }
  await rm(folder, { recursive: true, force: true })
  await rename(`${folder}-away`, folder)
  await t.berth.command(['gc'])
  assert.deepEqual([t.isStored(image.layer), t.isStored(image.digest)], [false, false])
})

test('what another registry may need is not removed, and a preview says so', async () => {
  await using t = await open()
  const image = await t.push('v1', 'layer')
  await t.http.send('DELETE', `/v2/${REPOSITORY}/manifests/${image.digest}`)
  t.age(15)
  await mkdir(join(t.berth.dataDir, 'docker/registry/v2/repositories/app'), { recursive: true })
  for (const flags of [[], ['--dry-run'], ['--now', '--yes']]) {
    await assert.rejects(t.berth.command(['gc', ...flags]), /COLLECTION_HELD/)
  }
  assert.equal(t.isStored(image.layer), true)
})

test('what has been due for days is a warning, a finding and a number, and is none while servers are paused', async () => {
  await using t = await open()
  await t.push('latest', 'first')
  await t.push('latest', 'second')
  const readWarnings = async (): Promise<unknown> =>
    JSON.parse((await t.http.send('GET', '/readyz')).body.toString()).warnings
  const before = JSON.stringify(await readWarnings())
  assert.doesNotMatch(`${before}`, /COLLECTION_LATE/)
  t.age(30)
  await until(async () => /"COLLECTION_LATE","since":"\d/.test(JSON.stringify(await readWarnings())))
  const [finding] = await t.examine('upkeep', 'failed')
  assert.match(`${finding?.message}`, /^Content is due for removal since 20\S+Z, and was not removed/)
  const { late, held, round } = JSON.parse(await t.berth.command(['gc', 'status', '--json']))
  assert.ok(late > 0)
  assert.deepEqual([held, round], [null, null])
  assert.match(await t.berth.command(['gc', 'status']), /^Due for more than a day, and not removed: \d/m)
  await t.berth.command(['gc', 'pause', '--for', '1h'])
  assert.match(await t.berth.command(['gc', 'status']), /^Servers remove nothing: collection is paused/)
  await until(async () => !`${JSON.stringify(await readWarnings())}`.includes('COLLECTION_LATE'))
  assert.deepEqual(await t.examine('upkeep', 'failed'), [])
  await t.berth.command(['gc', 'resume'])
  const dryRun = JSON.parse(await t.berth.command(['gc', '--dry-run', '--json']))
  assert.ok(dryRun.freedBytes > 'first'.length)
  await t.berth.command(['gc'])
  assert.equal(JSON.parse(await t.berth.command(['gc', 'status', '--json'])).late, 0)
})

test('`berth doctor` names the largest repositories once less than twice the floor of a disk is free', async () => {
  await using t = await open()
  await t.push('v1', 'layer')
  assert.deepEqual(await named(t.examine('disk', 'warning', '--disk-floor', '1KiB')), [])
  // Twice half of the disk is all of it, and some of it is in use.
  assert.deepEqual(await named(t.examine('disk', 'warning', '--disk-floor', '50%')), [
    'the largest repositories: alice/app (0.00 GiB)',
  ])
})

async function named(findings: Promise<Finding[]>): Promise<(string | undefined)[]> {
  const found = (await findings).filter(({ message }) => message.includes('soon full'))
  return found.map(({ message }) => /the largest repositories: .*$/.exec(message)?.[0].replace(/\.$/, ''))
}
