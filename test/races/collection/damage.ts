import assert from 'node:assert/strict'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import { createBody } from '../../support/memory/registry-room.ts'
import { readBytes } from './check-world.ts'
import { switchReadOnly } from './operator-acts.ts'
import type { World } from './world.ts'

/** Time after which no push counts as under way, in milliseconds: content that is being pushed is never put in quarantine. */
const PUSHES_ENDED_MS = 2 * 3_600_000
/** Repository that a damaged content is pushed to if none holds it any more. */
const ANY = parseRepositoryName('bob/app')

/** Damages the stored bytes of one blob or manifest that a repository holds. The acts that follow run beside that. */
export async function damageOne(world: World, random: SeededRandom): Promise<void> {
  world.pass(PUSHES_ENDED_MS)
  const table = random.chance(0.5) ? 'repository_blobs' : 'manifests'
  const rows = await world.database.read
    .selectFrom(table)
    .select('digest')
    .distinct()
    .orderBy('digest')
    .execute()
  const digest = random.pick(rows)?.digest as Digest | undefined
  if (digest === undefined) return
  const bytes = await readBytes(world.store, digest)
  world.damaged.set(digest, bytes)
  world.limits.note('damaged')
  switch (random.between(0, 3)) {
    case 0:
      return void (await world.store.delete(digest))
    case 1:
      return world.store.put(digest, bytes.subarray(1))
    case 2:
      return world.store.put(digest, Buffer.concat([bytes, bytes]))
    default:
      return world.store.put(digest, Buffer.from(bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))))
  }
}

/**
 * After the acts beside a damage: a pass puts exactly that content in quarantine, unless it is whole again or gone, and
 * a push mends it.
 */
export async function mendDamaged(world: World, random: SeededRandom): Promise<void> {
  const node = random.pick(world.nodes)
  assert.ok(node)
  if (world.limits.isReadOnly.value) await switchReadOnly(world, node, random)
  world.pass(PUSHES_ENDED_MS)
  await node.scrub()
  await world.settle()
  const inQuarantine = await node.listDamages()
  assert.deepEqual(
    inQuarantine.filter((digest) => !world.damaged.has(digest)),
    [],
  )
  for (const [digest, bytes] of world.damaged) {
    if (inQuarantine.includes(digest)) await mend(world, digest, bytes)
    else await checkWholeOrGone(world, digest, bytes)
  }
  assert.deepEqual(await node.listDamages(), [])
  world.damaged.clear()
}

async function checkWholeOrGone(
  { database, store, limits }: World,
  digest: Digest,
  bytes: Buffer,
): Promise<void> {
  const row = await database.read
    .selectFrom('blobs')
    .select('digest')
    .where('digest', '=', digest)
    .executeTakeFirst()
  if (!row) return limits.note('damaged, and removed')
  assert.deepEqual(await readBytes(store, digest), bytes, `${digest} is damaged, and not in quarantine`)
  limits.note('damaged, and mended beside other acts')
}

async function mend(world: World, digest: Digest, bytes: Buffer): Promise<void> {
  const { database, limits, store } = world
  const [{ registry }] = world.nodes as [World['nodes'][number]]
  assert.equal(await store.stat(digest), undefined, `the wrong bytes of ${digest} are still in their place`)
  const holders = await listHolders(database, digest)
  for (const repository of holders)
    await assert.rejects(registry.statBlob(repository, digest), { code: 'BLOB_UNKNOWN' })
  const target = { repository: holders[0] ?? ANY, owner: 'user:1', digest }
  await registry.pushWholeBlob(target, createBody(bytes))
  for (const repository of [...holders, target.repository])
    assert.equal((await registry.statBlob(repository, digest)).size, bytes.length)
  assert.deepEqual(await readBytes(store, digest), bytes)
  limits.note('put in quarantine, and mended by a push')
}

async function listHolders({ read }: World['database'], digest: Digest): Promise<RepositoryName[]> {
  const rows = await read
    .selectFrom('repository_blobs')
    .innerJoin('repositories', 'repositories.id', 'repository_blobs.repository_id')
    .select('repositories.name')
    .where('repository_blobs.digest', '=', digest)
    .where('repositories.trashed_at', 'is', null)
    .orderBy('repositories.name')
    .execute()
  return rows.map(({ name }) => name as RepositoryName)
}
