import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { cp, readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createDistributionTree } from '../support/content/distribution-tree.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const TREE = 'docker/registry/v2'
/** Runs that are killed before the one that may end. */
const KILLS = 6
/** Longest time between the first sign of work and the kill, in ms. */
const LATEST_KILL_MS = 700
/** Everything that a takeover records, without times. */
const FACTS = [
  'select name, digest from repositories join manifests on id = repository_id order by 1, 2',
  'select r.name, t.name, digest from repositories r join tags t on id = repository_id order by 1, 2',
  'select name, digest from repositories join repository_blobs on id = repository_id order by 1, 2',
  'select name, manifest_digest, kind, digest from repositories join manifest_references on id = repository_id order by 1, 2, 3, 4',
  'select digest, size from blobs order by 1',
  'select kind, name, q.digest from collection_queue q left join repositories on id = repository_id order by 1, 2, 3',
  'select count(*) from tag_history',
]

test('adopt and leave that are killed give the same as undisturbed ones, once they are run to their end', async () => {
  await using folder = await makeTempFolder('links-killed')
  const [killed, calm] = [join(folder.path, 'killed'), join(folder.path, 'calm')]
  makeContent(killed)
  await cp(killed, calm, { recursive: true, preserveTimestamps: true })

  await runOk(process.execPath, [MAIN, 'adopt', calm])
  await killSeveral(killed, { command: 'adopt', sign: 'berth/berth.db' })
  await runOk(process.execPath, [MAIN, 'adopt', killed])
  assert.deepEqual(readFacts(killed), readFacts(calm))
  assert.deepEqual(await readdir(join(killed, TREE)), ['blobs', 'repositories.adopted'])

  await runOk(process.execPath, [MAIN, 'leave', calm])
  await killSeveral(killed, { command: 'leave', sign: `${TREE}/repositories.leaving` })
  await runOk(process.execPath, [MAIN, 'leave', killed])
  assert.deepEqual(await readTree(killed), await readTree(calm))
})

function makeContent(root: string): void {
  const tree = createDistributionTree(root)
  for (let at = 0; at < 600; at++) tree.image('team/large', `image ${at}`, { tag: `v${at}` })
  for (let at = 0; at < 200; at++) {
    const name = `team/small${at % 40}`
    const image = tree.image(name, `small ${at}`, { tag: `v${at}` })
    tree.index(name, [image], `index${at}`)
    tree.image(name, `untagged ${at}`)
  }
}

async function killSeveral(
  root: string,
  { command, sign }: { command: string; sign: string },
): Promise<void> {
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [MAIN, command, root], { stdio: 'ignore' })
    const ended = once(child, 'exit')
    while (!existsSync(join(root, sign)) && !hasEnded(child)) await sleep(2)
    await Promise.race([ended, sleep(Math.random() * LATEST_KILL_MS)])
    child.kill('SIGKILL')
    await ended
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function readFacts(root: string): unknown[] {
  const database = new DatabaseSync(join(root, 'berth/berth.db'), { readOnly: true })
  try {
    return FACTS.map((query) => database.prepare(query).all())
  } finally {
    database.close()
  }
}

/** All links with their contents. */
async function readTree(root: string): Promise<Record<string, string>> {
  const top = join(root, TREE, 'repositories')
  const entries = await readdir(top, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const links = await Promise.all(
    files.map(async (file) => [relative(top, file), await readFile(file, 'utf8')] as const),
  )
  return Object.fromEntries(links.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}
