import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { makeDataFolder } from '../../../../test/support/program/new-data.ts'
import { runCli } from '../../../../test/support/program/run-cli.ts'
import { databaseFile } from '../../../app/folders/data-folder.ts'

const HOUR_MS = 3_600_000

/** A data folder with the repository alice/app, whose tags ci-1 to ci-N were pushed one hour after the other. */
async function open({ tags, keep }: { tags: number; keep: string }) {
  const folder = await makeTempFolder('retention')
  const data = join(folder.path, 'data')
  await makeDataFolder(data)
  const database = new DatabaseSync(databaseFile(data))
  database.exec(`insert into repositories (id, name, created_at) values (1, 'alice/app', 0)`)
  const manifest = database.prepare(`
    insert into manifests (repository_id, digest, media_type, size, bytes, created_at)
    values (1, 'sha256:' || ?, 'application/vnd.oci.image.index.v1+json', 2, x'7b7d', 0)`)
  const tag = database.prepare(`insert into tags (repository_id, name, digest, updated_at)
    values (1, 'ci-' || ?1, 'sha256:' || ?1, ?2)`)
  for (let at = 1; at <= tags; at++) {
    manifest.run(String(at))
    tag.run(String(at), Date.now() - 30 * 24 * HOUR_MS + at * HOUR_MS)
  }
  const file = join(folder.path, 'policies.yaml')
  const rule = `{tags: ["ci-*"], keep: ${keep}}`
  await writeFile(file, `policies: [{repositories: ["alice/*"], retention: {rules: [${rule}]}}]`)
  const berth = (...args: string[]) => runCli([...args, '--data', data])
  await berth('policy', 'apply', file)
  return {
    database,
    berth,
    file,
    async [Symbol.asyncDispose]() {
      database.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('`berth retention dry-run` has a reason for each tag, and warns if most of a repository would end', async () => {
  await using t = await open({ tags: 30, keep: '{newest: 2}' })
  const all = await t.berth('retention', 'dry-run')
  assert.equal(
    all.stdout.match(/^alice\/app +ci-\d+ .* ends +the rule does not keep it \(ci-\*: newest 2\)$/gm)?.length,
    28,
  )
  assert.match(all.stdout, /^alice\/app +ci-30 .* stays +ci-\*: newest 2: among the newest 2 by push$/m)
  assert.match(all.stdout, /^28 of 30 tags would end$/m)
  assert.match(all.stderr, /^warning: alice\/app would lose 28 of its 30 tags$/m)
  const ending = await t.berth('retention', 'dry-run', 'alice/*', '--ending', '--json')
  const { tags, summary } = JSON.parse(ending.stdout)
  assert.deepEqual(summary, { tags: 30, ending: 28, losingMost: ['alice/app'] })
  assert.equal(tags.length, 28)
  assert.deepEqual(JSON.parse((await t.berth('retention', 'dry-run', 'bob/*', '--json')).stdout).tags, [])
})

test('`berth retention run` is refused while another process does so, and once that has ended it is not', async () => {
  await using t = await open({ tags: 3, keep: '{newest: 2}' })
  const hold = (until: number): void => {
    t.database.exec(`insert or replace into retention_turns values (1, 0, ${until}, 'a server')`)
  }
  hold(Date.now() + 60_000)
  const busy = await t.berth('retention', 'run')
  assert.deepEqual([busy.code, /error\[RETENTION_BUSY\]/.test(busy.stderr)], [1, true])
  assert.match((await t.berth('retention', 'status')).stdout, /^running +yes$/m)
  hold(Date.now() - 1)
  assert.match((await t.berth('retention', 'run')).stdout, /^1 of 3 tags in 1 repositories ended/)
  const status = JSON.parse((await t.berth('retention', 'status', '--json')).stdout)
  assert.equal(status.lastRun.tagsEnded, 1)
  assert.equal(new Date(status.next).getTime() - new Date(status.lastBegunAt).getTime(), HOUR_MS)
})

test('a run that could not end all it should is an error with the cause, and its log has it', async () => {
  await using t = await open({ tags: 3, keep: 'none' })
  t.database.exec(`create trigger no_end before delete on tags begin select raise(abort, 'not now'); end`)
  const failed = await t.berth('retention', 'run')
  assert.deepEqual([failed.code, /error\[RETENTION_FAILED\].*alice\/app/.test(failed.stderr)], [1, true])
  assert.match((await t.berth('retention', 'log')).stdout, /^1 .* command +1 +3 +0 +0 +alice\/app: /m)
  assert.equal((await t.berth('retention', 'log', '99')).code, 2)
})

test('rules that cannot be meant are refused before they are in force', async () => {
  await using t = await open({ tags: 1, keep: 'all' })
  const refused: [string, RegExp][] = [
    ['{newest: 0}', /write keep: none/],
    ['{}', /must say what stays/],
    ['{pushed-within: 7}', /pushed-within/],
    ['{newst: 3}', /Did you mean "newest"/],
    ['al', /must be all, none, or terms/],
  ]
  for (const [keep, message] of refused) {
    const rule = `{tags: ["*"], keep: ${keep}}`
    await writeFile(t.file, `policies: [{repositories: [a], retention: {rules: [${rule}]}}]`)
    const { code, stderr } = await t.berth('policy', 'apply', t.file)
    assert.equal(code, 2, keep)
    assert.match(stderr, message)
  }
})
