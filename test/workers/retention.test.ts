import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator } from '../support/program/berth-process.ts'
import { runCli } from '../support/program/run-cli.ts'
import { hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { startWorkers } from './worker-site.ts'

const REPOSITORY = 'root/app'
const DAY = 24 * 3_600_000

const POLICIES = `policies:
  - repositories: [root/*]
    retention:
      rules:
        - {tags: [keep-*], keep: all}
        - {tags: [ci-*], keep: {newest: 2, by: pull}}
`

/** A manifest whose config has labels. */
function formatLabelled(config: Buffer, note: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: hashSha256(config),
        size: config.length,
      },
      layers: [],
      annotations: { note },
    }),
  )
}

test('pulls of each worker and labels of pushed images decide which tags end, also right after a stop', async () => {
  await using folder = await makeTempFolder('retention')
  const site = {
    dataDir: join(folder.path, 'data'),
    port: await findFreePort(),
    logFile: join(folder.path, 'berth.log'),
  }
  const authorization = await addAdministrator(site)
  await using server = await startWorkers(site)
  using http = new RawClient(site.port, { authorization })
  // A label that is no duration counts as none, and is a line of the log.
  const plain = Buffer.from(JSON.stringify({ config: { Labels: { 'berth.expires-after': 'never' } } }))
  const labelled = Buffer.from(JSON.stringify({ config: { Labels: { 'quay.expires-after': '12h' } } }))
  for (const config of [plain, labelled]) await pushBlob(http, REPOSITORY, config)
  const push = async (tag: string, config: Buffer): Promise<void> => {
    const manifest = formatLabelled(config, tag)
    assert.equal(await putManifest(http, { repository: REPOSITORY, reference: tag }, manifest), 201)
  }
  for (const tag of ['ci-1', 'ci-2', 'ci-3', 'ci-4']) await push(tag, plain)
  for (const tag of ['short', 'keep-short']) await push(tag, labelled)
  const database = join(site.dataDir, 'berth.db')
  makeOlder(database, 3 * DAY)
  // Connections of their own, so that both workers serve some.
  for (let count = 0; count < 8; count++) {
    using fresh = new RawClient(site.port, { authorization })
    const reference = count % 2 === 0 ? 'ci-1' : 'ci-3'
    assert.equal((await fresh.send('GET', `/v2/${REPOSITORY}/manifests/${reference}`)).status, 200)
  }
  assert.equal(await server.stop(), 0)
  assert.match(
    await readFile(site.logFile, 'utf8'),
    /berth\.expires-after=never.*is no duration|is no duration.*berth\.expires-after=never/,
  )
  // The pulls were two days ago: an image in use would stay whatever its rank.
  makeOlder(database, 2 * DAY)
  const berth = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runCli([...args, '--data', site.dataDir])
    assert.equal(code, 0, stderr)
    return stdout
  }
  const file = join(folder.path, 'policies.yaml')
  await writeFile(file, POLICIES)
  const planned = JSON.parse(await berth('retention', 'dry-run', REPOSITORY, '--file', file, '--json'))
  assert.deepEqual(planned.summary, { tags: 6, ending: 3, losingMost: [] })
  await berth('policy', 'apply', file)
  const { run, entries } = JSON.parse(await berth('retention', 'run', '--json'))
  assert.equal(run.tagsEnded, 3)
  assert.deepEqual(entries.map(({ rule, tags }: { rule: string; tags: number }) => [rule, tags]).toSorted(), [
    ['ci-*: newest 2 by pull', 2],
    ['label', 1],
  ])
  const { tags } = JSON.parse(await berth('tag', 'list', REPOSITORY, '--json'))
  assert.deepEqual(
    tags.map(({ name }: { name: string }) => name),
    ['ci-1', 'ci-3', 'keep-short'],
  )
  assert.match(await berth('tag', 'history', REPOSITORY, 'short'), /expired +\(retention\) label/)
  assert.match(await berth('retention', 'log', String(run.id)), /^root\/app +label +1$/m)
  assert.match(await berth('tag', 'restore', REPOSITORY, 'ci-2'), /points at/)
})

function makeOlder(file: string, ms: number): void {
  using database = new DatabaseSync(file)
  database.exec(`
    update tags set updated_at = updated_at - ${ms}, started_at = started_at - ${ms};
    update manifest_uses set used_at = used_at - ${ms}, pulled_at = pulled_at - ${ms};
  `)
}
