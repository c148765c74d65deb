import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import type { Database } from '../../../src/database/database.ts'
import { createCollectionFacts } from '../../../src/metadata/collection/create-collection-facts.ts'
import type { CollectionPolicy } from '../../../src/metadata/collection-facts.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import { createRetentionFacts } from '../../../src/metadata/retention/create-retention-facts.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { createPassFacts } from '../../../src/metadata/scrub/create-pass-facts.ts'
import { createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import type { UploadId } from '../../../src/oci/request.ts'
import { parsePolicyDocument } from '../../../src/policies/policy-document.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { collect } from '../../../src/upkeep/collect/collector.ts'
import { sweep } from '../../../src/upkeep/collect/sweep.ts'
import { runRetention } from '../../../src/upkeep/retain/retention-run.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import { changeSeenBy } from '../../support/database/engines.ts'
import type { TemporaryDatabase } from '../../support/database/temporary-database.ts'
import { slowStore } from './slow-store.ts'

/** Times of the races. Clients rely on an answer for an hour, as they may of a server. */
export const POLICY: CollectionPolicy = { keepMs: 20 * 3_600_000, relyMs: 3_600_000 }
/** Tag that retention never ends. */
export const SHIELDED_TAG: Tag = parseTag('latest')
/** Repository of the uploads that show what a process has learnt; nothing is pushed there. */
const SETTLING = parseRepositoryName('settling/app')
/** Time that a blob without facts is given. */
const GRACE_MS = 2 * 3_600_000
/** Of other tags than {@link SHIELDED_TAG} two stay in each repository; images without a tag go early. */
const RETENTION = parsePolicyDocument({
  policies: [
    {
      repositories: ['**'],
      retention: {
        rules: [
          { tags: [SHIELDED_TAG], keep: 'all' },
          { tags: ['*'], keep: { newest: 1 } },
        ],
        'untagged-after': '2h',
      },
    },
  ],
})
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }

/** One process of a registry. */
export interface WorldNode {
  readonly registry: Registry
  readonly metadata: Metadata
  /** Runs a whole round. */
  collect(policy?: CollectionPolicy): Promise<void>
  sweep(): Promise<void>
  /** Runs retention by {@link RETENTION}. */
  retain(): Promise<void>
}

/** Calls of the registry and the upkeep, made so far. */
interface Steps {
  count: number
}

/** A registry of several processes on one store, and its clock. */
export interface World {
  readonly nodes: readonly WorldNode[]
  readonly store: BlobStore
  /** That of the first process. */
  readonly database: Database<MetadataSchema>
  readonly steps: Steps
  pass(ms: number): void
  /** Ends once the first process has learnt of all that the others have committed. */
  settle(): Promise<void>
  now(): number
}

/** Opens a world; `count` processes, each with a connection of its own to the database. */
export async function openWorld(
  temporary: TemporaryDatabase,
  { count, store, random }: { count: number; store: BlobStore; random: SeededRandom },
): Promise<World> {
  let now = Date.UTC(2030, 0, 1)
  const clock = (): number => now
  const steps: Steps = { count: 0 }
  const nodes: WorldNode[] = []
  for (let at = 0; at < count; at++) {
    const database = at === 0 ? temporary.database : await temporary.openAgain()
    const plain = createSqlMetadata(database, clock)
    if (at === 0) await plain.replacePolicies(RETENTION, { expected: 0 })
    const facts = createCollectionFacts(database, clock)
    const passes = createPassFacts(database, clock)
    const blobs = slowStore(store, random.fork())
    const registry = createRegistry({
      blobs,
      metadata: plain,
      policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 },
      clock,
    })
    nodes.push({
      metadata: counted(plain, steps, OPERATOR_CALLS),
      registry: counted(registry, steps),
      async collect(policy = POLICY) {
        steps.count++
        await collect({
          blobs,
          facts,
          policy,
          pace: UNPACED,
          onFailure: (item, error) => {
            throw new Error(`${item.kind} ${item.digest} was not collected`, { cause: error })
          },
        })
      },
      async sweep() {
        steps.count++
        const holder = randomUUID()
        const from = await passes.take('sweep', { holder, everyMs: 0, isAnew: true, isTakenOver: true })
        if (typeof from === 'string') throw new Error(`the sweep is ${from}`)
        await sweep({ blobs, facts, passes, holder, graceMs: GRACE_MS, pace: UNPACED }, from)
      },
      async retain() {
        steps.count++
        await runRetention({
          facts: createRetentionFacts(database, clock),
          metadata: plain,
          readDocument: async () => (await plain.readPolicies()).document,
          untagged: { look: facts.look, relyMs: POLICY.relyMs },
          rest: () => nextTurn(),
          onFailure: (repository, error) => {
            throw new Error(`retention of ${repository} failed`, { cause: error })
          },
        })
      },
    })
  }
  return {
    nodes,
    store,
    steps,
    database: temporary.database as unknown as Database<MetadataSchema>,
    pass(ms) {
      now += ms
    },
    settle: () => settle(temporary, nodes),
    now: clock,
  }
}

/** Calls of the metadata that commands of an operator make: all others are part of a call of the registry. */
const OPERATOR_CALLS = [
  'deleteRepository',
  'restoreRepository',
  'restoreTag',
  'restoreManifest',
  'emptyTrash',
  'pin',
  'unpin',
]

/** The same with its calls counted: all, or those of these names. */
function counted<T extends object>(parts: T, steps: Steps, names?: readonly string[]): T {
  const entries = Object.entries(parts).map(([name, value]: [string, unknown]) => {
    if (typeof value !== 'function' || (names && !names.includes(name))) return [name, value]
    return [
      name,
      (...parameters: unknown[]): unknown => {
        steps.count++
        return value(...parameters)
      },
    ]
  })
  return Object.fromEntries(entries) as T
}

/** Another process changes something: it is noticed after all that was committed before. */
async function settle({ database }: TemporaryDatabase, nodes: readonly WorldNode[]): Promise<void> {
  const other = nodes[1]
  if (database.engine === 'sqlite' || !other) return nextTurn()
  const id = 'settle'.padEnd(22, 'A') as UploadId
  const upload = { id, repository: SETTLING, principal: 'user:1', offset: 0, state: '' }
  await changeSeenBy(database, () => other.metadata.createUpload(upload))
  await changeSeenBy(database, () => other.metadata.deleteUpload(id))
}
