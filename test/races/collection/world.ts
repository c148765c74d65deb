import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BlobStore } from '../../../src/blobs/blob-store.ts'
import type { Database } from '../../../src/database/database.ts'
import { createServerCollectionFacts } from '../../../src/metadata/collection/create-collection-facts.ts'
import type { CollectionPolicy } from '../../../src/metadata/collection-facts.ts'
import type { Metadata } from '../../../src/metadata/metadata.ts'
import { createServerRetentionFacts } from '../../../src/metadata/retention/create-retention-facts.ts'
import type { MetadataSchema } from '../../../src/metadata/schema.ts'
import { createPassFacts } from '../../../src/metadata/scrub/create-pass-facts.ts'
import { createScrubFacts } from '../../../src/metadata/scrub/create-scrub-facts.ts'
import { createClientMetadata, createSqlMetadata } from '../../../src/metadata/sql-metadata.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { OciError } from '../../../src/oci/errors.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import type { UploadId } from '../../../src/oci/request.ts'
import { type PolicyDocument, parsePolicyDocument } from '../../../src/policies/policy-document.ts'
import { createRegistry } from '../../../src/registry/create-registry.ts'
import type { Registry } from '../../../src/registry/registry.ts'
import { collect } from '../../../src/upkeep/collect/collector.ts'
import { sweep } from '../../../src/upkeep/collect/sweep.ts'
import { runRetention } from '../../../src/upkeep/retain/retention-run.ts'
import { dropEnded } from '../../../src/upkeep/scrub/drop-ended.ts'
import { scrub } from '../../../src/upkeep/scrub/scrub.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import { changeSeenBy } from '../../support/database/engines.ts'
import type { TemporaryDatabase } from '../../support/database/temporary-database.ts'
import { LIMITED_NAMESPACE, Limits, obeying } from './limits.ts'
import { slowStore } from './slow-store.ts'

/** Times of the races. Clients rely on an answer for an hour, as they may of a server. */
export const POLICY: CollectionPolicy = { keepMs: 20 * 3_600_000, relyMs: 3_600_000 }
/** Tag that retention never ends. */
export const SHIELDED_TAG: Tag = parseTag('latest')
/** Repository of the uploads that show what a process has learnt; nothing is pushed there. */
const SETTLING = parseRepositoryName('settling/app')
/** Time that a blob without facts is given. */
const GRACE_MS = 2 * 3_600_000
/** Of other tags than {@link SHIELDED_TAG} the newest stays in each repository; images without a tag go early. */
const POLICIES = [
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
]
const UNPACED = { stepsPerSecond: 1e9, bytesPerSecond: 1e15 }

/** The policies, with a quota of so many bytes or none. */
export function documentWith(quota: number | undefined): PolicyDocument {
  const quotas = quota === undefined ? [] : [{ namespace: LIMITED_NAMESPACE, bytes: quota }]
  return parsePolicyDocument({ quotas, policies: POLICIES })
}

/** One process of a registry. */
export interface WorldNode {
  readonly registry: Registry
  readonly metadata: Metadata
  /** Runs a whole round. */
  collect(policy?: CollectionPolicy): Promise<void>
  sweep(): Promise<void>
  /** Runs retention by the policies. */
  retain(): Promise<void>
  /** Verifies all stored content. Fails if it finds a damage that no act has made. */
  scrub(): Promise<void>
  /** Digests of the content in quarantine. */
  listDamages(): Promise<Digest[]>
  /** Removes the wrong bytes of quarantines that have ended. */
  dropAside(): Promise<number>
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
  readonly limits: Limits
  /** Content whose stored bytes an act has changed and nothing has mended yet, with the right ones. */
  readonly damaged: Map<Digest, Buffer>
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
  const limits = new Limits()
  const damaged = new Map<Digest, Buffer>()
  const nodes: WorldNode[] = []
  for (let at = 0; at < count; at++) {
    const database = at === 0 ? temporary.database : await temporary.openAgain()
    const plain = createSqlMetadata(database, clock)
    if (at === 0) await plain.replacePolicies(documentWith(undefined), { expected: 0 })
    const facts = createServerCollectionFacts(database, clock)
    const passes = createPassFacts(database, clock)
    const scrubs = createScrubFacts(database, clock)
    const blobs = slowStore(store, random.fork())
    const registry = createRegistry({
      blobs,
      metadata: createClientMetadata(database, clock),
      policy: { isDeleteAllowed: true, isSparseAllowed: false, maxBlobBytes: 0 },
      clock,
    })
    nodes.push({
      metadata: counted(plain, steps, OPERATOR_CALLS),
      registry: counted(obeying(registry, limits), steps),
      async collect(policy = POLICY) {
        steps.count++
        const isReadOnlyBefore = limits.isReadOnly.read()
        const { removed } = await collect({
          blobs,
          facts,
          policy,
          pace: UNPACED,
          onFailure: (item, error) => {
            throw new Error(`${item.kind} ${item.digest} was not collected`, { cause: error })
          },
        })
        if (!limits.isReadOnly.since(isReadOnlyBefore)?.value) return
        assert.deepEqual(Object.values(removed).filter(Boolean), [], 'removed while read-only')
        limits.note('collected nothing while read-only')
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
        const isReadOnlyBefore = limits.isReadOnly.read()
        let ended = 0
        await runRetention({
          facts: createServerRetentionFacts(database, clock),
          metadata: plain,
          readDocument: async () => (await plain.readPolicies()).document,
          untagged: { look: facts.look, relyMs: POLICY.relyMs },
          rest: () => nextTurn(),
          onRepository: (_repository, outcome) => {
            for (const tags of outcome.ended.values()) ended += tags
          },
          onFailure: (repository, error) => {
            const isReadOnly = limits.isReadOnly.since(isReadOnlyBefore)?.value
            if (error instanceof OciError && error.code === 'UNSUPPORTED' && isReadOnly !== false) return
            throw new Error(`retention of ${repository} failed`, { cause: error })
          },
        })
        limits.note('ended by retention', ended)
        if (limits.isReadOnly.since(isReadOnlyBefore)?.value) assert.equal(ended, 0, 'ended while read-only')
      },
      async scrub() {
        steps.count++
        const holder = randomUUID()
        const from = await passes.take('scrub', { holder, everyMs: 0, isAnew: true, isTakenOver: true })
        if (typeof from === 'string') throw new Error(`the scrub is ${from}`)
        const report = {
          onDamage: ({ digest, kind }: { digest: Digest; kind: string }) =>
            assert.ok(damaged.has(digest), `${digest} is ${kind}`),
          onFailure: (digest: Digest, error: unknown) => {
            throw new Error(`${digest} could not be set aside`, { cause: error })
          },
        }
        const parts = { blobs, facts: scrubs, metadata: plain, passes, holder, pace: UNPACED, report }
        assert.equal((await scrub(parts, from)).end, 'ended')
      },
      listDamages: async () => (await scrubs.listDamages({ limit: 1_000 })).map(({ digest }) => digest),
      dropAside: () => dropEnded({ blobs, facts: scrubs }, POLICY.keepMs),
    })
  }
  // One settling at a time: acts and the comparison after them need it.
  let settled = Promise.resolve()
  return {
    nodes,
    store,
    steps,
    limits,
    damaged,
    database: temporary.database as unknown as Database<MetadataSchema>,
    pass(ms) {
      now += ms
    },
    settle: () => {
      settled = settled.then(() => settle(temporary, nodes))
      return settled
    },
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
  'turnOn',
  'turnOff',
  'replacePolicies',
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
