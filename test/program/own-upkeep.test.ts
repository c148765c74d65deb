import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { blobFile } from '../support/content/blob-file.ts'
import { until } from '../support/machine/until.ts'
import { bootBerth } from '../support/program/boot-berth.ts'
import { shortRestsEnvironment } from '../support/program/fast-clock.ts'
import { formatManifest, hashSha256, pushBlob, putManifest } from '../support/requests/push-content.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const REPOSITORY = 'alice/app'
const CONFIG = Buffer.from('{}')
/** Minutes of the server's rests are as many fifths of a second. */
const TIMES = 300
const DAY_MS = 24 * 3_600_000

/** A server whose rests between two works of upkeep are short. */
async function open() {
  await using resources = new AsyncDisposableStack()
  const flags = ['--retention-hours', '1', '--collect-rate', '10000']
  const berth = resources.use(
    await bootBerth({
      users: [{ name: 'alice', isAdmin: true }],
      flags,
      env: shortRestsEnvironment(TIMES),
    }),
  )
  const http = resources.use(new RawClient(berth.port, { authorization: berth.authorization('alice') }))
  const kept = resources.move()
  return {
    berth,
    fileOf: (bytes: Buffer) => blobFile(berth.dataDir, hashSha256(bytes)),
    async push(tag: string, layer: Buffer): Promise<void> {
      for (const bytes of [CONFIG, layer]) await pushBlob(http, REPOSITORY, bytes)
      const manifest = formatManifest([CONFIG, layer])
      assert.equal(await putManifest(http, { repository: REPOSITORY, reference: tag }, manifest), 201)
    },
    readStatus: async (path: string) => (await http.send('GET', `/v2/${REPOSITORY}/${path}`)).status,
    change(sql: string): void {
      using database = new DatabaseSync(join(berth.dataDir, 'berth.db'), { timeout: 5_000 })
      database.exec(sql)
    },
    isQueued(digest: string): boolean {
      using database = new DatabaseSync(join(berth.dataDir, 'berth.db'), { readOnly: true })
      return database.prepare('select 1 from collection_queue where digest = ?').get(digest) !== undefined
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

test('retention, collection, the sweep and scrub are done by the server itself, when each is due', async () => {
  await using t = await open()
  const { berth } = t
  const [kept, old, unnamed] = [Buffer.from('kept'), Buffer.from('old'), Buffer.from('named by no row')]
  await t.push('keep', kept)
  await t.push('old', old)
  await mkdir(dirname(t.fileOf(unnamed)), { recursive: true })
  await writeFile(t.fileOf(unnamed), unnamed)
  // A younger file may belong to a push that has yet to name it.
  await utimes(t.fileOf(unnamed), 0, 0)
  const policies = join(dirname(berth.dataDir), 'policies.yaml')
  const rules = '[{tags: ["old"], keep: {pushed-within: 30d}}]'
  await writeFile(policies, `policies:\n  - {repositories: ["alice/**"], retention: {rules: ${rules}}}\n`)
  await berth.command(['policy', 'apply', policies])
  const age = 40 * DAY_MS
  t.change(`
    update tags set updated_at = updated_at - ${age} where name = 'old';
    update manifests set created_at = created_at - ${age};
    update manifest_uses set used_at = used_at - ${age};
    update repository_blobs set created_at = created_at - ${age}, used_at = used_at - ${age};
    update blob_claims set claimed_at = claimed_at - ${age};
  `)
  // The first of each came with the start; the next is due in an hour or in weeks, unless the last one is as old as that.
  const makeDue = (): void =>
    t.change(`
      update retention_turns set begun_at = begun_at - ${age};
      update upkeep_passes set started_at = started_at - ${age} where ended_at is not null;
    `)
  const untilDone = (what: string, condition: () => Promise<boolean>): Promise<void> =>
    until(() => {
      makeDue()
      return condition()
    }, what)
  await untilDone(
    'retention ends the old tag',
    async () => !/^old/m.test(await berth.command(['tag', 'list', REPOSITORY])),
  )
  assert.match(await berth.command(['tag', 'history', REPOSITORY, 'old']), /retention/)
  await untilDone('scrub verifies all', async () =>
    /verified +[56] /.test(await berth.command(['scrub', 'status'])),
  )
  await untilDone('the sweep queues the file', async () => t.isQueued(hashSha256(unnamed)))
  await until(() => {
    // What goes with an image is queued as it goes, and due an hour later.
    t.change(`
      update collection_queue set since = since - ${age};
      update tag_history set ended_at = ended_at - ${age};
      update manifest_uses set used_at = used_at - ${age};
      update repository_blobs set created_at = created_at - ${age}, used_at = used_at - ${age};
    `)
    return !existsSync(t.fileOf(old)) && !existsSync(t.fileOf(unnamed))
  }, 'collection removes both')
  assert.ok(existsSync(t.fileOf(kept)))
  assert.equal(await t.readStatus('manifests/keep'), 200)
})
