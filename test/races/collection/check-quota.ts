import assert from 'node:assert/strict'
import type { Database } from '../../../src/database/database.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { listNamed } from './check-world.ts'
import { LIMITED_NAMESPACE, type Limits } from './limits.ts'

/** Content that counts for the limited namespace, by digest, with its size. */
type Use = ReadonlyMap<string, number>

/** State before a group of acts: undefined if no quota was in force. */
interface QuotaBefore {
  readonly setting: ReturnType<Limits['quota']['read']>
  readonly use: Use | undefined
}

/** Acts after which the namespace may hold less. */
const FREEING = [
  'collect',
  'collect now',
  'sweep',
  'retain',
  'delete a blob',
  'delete a repository',
  'empty the trash',
]

/** Forgets the refusals of the last group, and counts what the namespace holds if a quota is in force. */
export async function readQuotaBefore(
  limits: Limits,
  database: Database<MetadataSchema>,
): Promise<QuotaBefore> {
  limits.refusals = []
  limits.wantedBytes = 0
  const setting = limits.quota.read()
  return { setting, use: setting?.value === undefined ? undefined : await readUse(database) }
}

/**
 * Compares what was refused and what was stored during a group with the rules of the quota, by sums that the rows give,
 * and not the queries of the quota.
 */
export async function checkQuota(
  limits: Limits,
  database: Database<MetadataSchema>,
  { before: { setting, use: before }, names }: { before: QuotaBefore; names: readonly string[] },
): Promise<void> {
  const limit = limits.quota.since(setting)?.value
  if (before === undefined || limit === undefined) return
  const uploads = await database.read.selectFrom('uploads').select('id').execute()
  assert.deepEqual(uploads, [], 'a refused push has left its upload')
  const [held, after] = [sum(before), sum(await readUse(database))]
  assert.ok(
    after <= Math.max(held, limit),
    `${after} bytes are held, ${held} before, and the quota is ${limit}`,
  )
  const isFreeing = names.some((name) => FREEING.includes(name))
  for (const { digest, used } of limits.refusals) {
    assert.ok(used <= held + limits.wantedBytes, `${used} bytes count, and ${held} were held`)
    if (isFreeing) continue
    assert.ok(used >= held, `${used} bytes count, and ${held} were held all the time`)
    assert.ok(!before.has(digest), `${digest} was refused, and the namespace held it already`)
  }
}

/** Bytes that count for the limited namespace now. */
export async function countUse(database: Database<MetadataSchema>): Promise<number> {
  return sum(await readUse(database))
}

function sum(use: Use): number {
  return [...use.values()].reduce((total, size) => total + size, 0)
}

async function readUse({ read }: Database<MetadataSchema>): Promise<Use> {
  const ofNamespace = read
    .selectFrom('repositories')
    .select('id')
    .where('name', 'like', `${LIMITED_NAMESPACE}/%`)
  const [blobs, links, manifests, trashed] = await Promise.all([
    read.selectFrom('blobs').select(['digest', 'size']).execute(),
    read.selectFrom('repository_blobs').select('digest').where('repository_id', 'in', ofNamespace).execute(),
    read.selectFrom('manifests').select('digest').where('repository_id', 'in', ofNamespace).execute(),
    read
      .selectFrom('trashed_manifests')
      .select(['digest', 'bytes'])
      .where('repository_id', 'in', ofNamespace)
      .execute(),
  ])
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, Math.max(0, size)]))
  const digests = [...links, ...manifests, ...trashed].map(({ digest }) => digest)
  for (const { bytes } of trashed) digests.push(...listNamed(bytes).map((blob) => blob.digest))
  return new Map(digests.map((digest) => [digest, sizes.get(digest) ?? 0]))
}
