import assert from 'node:assert/strict'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import type { Outcome } from './act.ts'
import { ACTS } from './acts.ts'
import { checkQuota, readQuotaBefore } from './check-quota.ts'
import { checkSizes } from './check-sizes.ts'
import { checkRows, checkServed, findNeeded, listStore, readTags } from './check-world.ts'
import { damageOne, mendDamaged } from './damage.ts'
import { changeQuota, switchReadOnly } from './operator-acts.ts'
import { POLICY, SHIELDED_TAG, type World } from './world.ts'

/** Most acts at the same time. */
const MOST_AT_ONCE = 5

/** Groups after which all that is served is read through the port, with its bytes; after the others rows and files are compared. */
const READ_EVERY = 25

/** Share of pushes that are refused because their content is being removed: known content is waited for instead. */
const MOST_REPEATED = 0.002

/** Groups after which all sizes are counted anew, which takes longer than a group. */
const SIZES_EVERY = 10

/** Acts of a group in which much is due. */
const BESIDE_COLLECTION = named('collect', 'push an image', 'push an image', 'push an image')

function named(...names: readonly string[]): (typeof ACTS)[number][] {
  return names.flatMap((name) => ACTS.filter((act) => act.name === name))
}

/** Share of groups with a damage of stored bytes: some dozen in a run. */
const DAMAGED_SHARE = 0.02

/** Chance of each group in which read-only mode or a quota ends: most acts are refused meanwhile. */
const LIMIT_ENDS = 0.5

/** Steps from which on a run must have met everything that is counted. */
const MEETS_ALL_STEPS = 10_000

/** Events that a run of {@link MEETS_ALL_STEPS} must have met. */
const MET = [
  'ended by retention',
  'refused as read-only',
  'pulled while read-only',
  'collected nothing while read-only',
  'refused by the quota',
  'put in quarantine, and mended by a push',
  'damaged, and mended beside other acts',
]

/** Numbers of the acts that were run: all, by name, and the pushes among them that were to be repeated or were refused. */
interface Counts {
  acts: number
  /** Digest of all outcomes so far: equal in two runs that went the same way. */
  trace: string
  groups: number
  readonly byName: Map<string, number>
  repeated: number
  refused: number
}

/** The state that acts must lead to: tags with their manifests, pins, and all manifests that were ever pushed. */
interface Model {
  tags: Map<string, Digest>
  /** As `repository@digest`. */
  pins: ReadonlySet<string>
  readonly pushed: Map<RepositoryName, Set<Digest>>
}

/**
 * Runs acts in groups whose calls fall into one another, and checks all that is served after each group, until so many
 * steps were made: calls of the registry, an operator or the upkeep. Between groups time passes. At the end everything that no tag needs has to be gone, and nothing else.
 */
export async function runWorld(
  world: World,
  { steps, random }: { steps: number; random: SeededRandom },
): Promise<Counts> {
  const counts: Counts = { acts: 0, trace: '', groups: 0, byName: new Map(), repeated: 0, refused: 0 }
  const model: Model = { tags: new Map(), pins: new Set(), pushed: new Map() }
  let isDue = false
  while (world.steps.count < steps) {
    const isDamaged = random.chance(DAMAGED_SHARE)
    if (isDamaged) await damageOne(world, random)
    const outcomes = await runGroup(world, counts, { random, isDue, isDamaged })
    await compare(world, model, outcomes)
    if (isDamaged) {
      await checkRows(world)
      await mendDamaged(world, random)
    }
    if (++counts.groups % READ_EVERY === 0) await checkServed(world, model.pushed)
    else await checkRows(world)
    if (counts.groups % SIZES_EVERY === 0) await checkSizes(world.database, random)
    isDue = random.chance(0.1)
    world.pass(isDue ? POLICY.keepMs + 1 : random.between(0, POLICY.relyMs * 2))
  }
  assert.ok(counts.repeated <= counts.acts * MOST_REPEATED, `${counts.repeated} pushes had to be repeated`)
  await checkServed(world, model.pushed)
  await checkEnd(world, random)
  if (steps >= MEETS_ALL_STEPS) checkAllMet(world, counts)
  return counts
}

/** `isDue`: much is due, so that pushes come while it is removed. */
async function runGroup(
  world: World,
  counts: Counts,
  { random, isDue, isDamaged }: { random: SeededRandom; isDue: boolean; isDamaged: boolean },
): Promise<Outcome[]> {
  // Half of the damages are left to the pass alone: beside pushes most are mended before it has found them.
  const isAlone = isDamaged && random.chance(0.5)
  const length = isAlone ? 0 : random.between(1, MOST_AT_ONCE)
  const group = Array.from({ length }, () => pickAct(random))
  if (isDue && !isAlone) group.push(...BESIDE_COLLECTION)
  if (isDamaged) group.push(...named('scrub'))
  if (world.limits.isReadOnly.value) group.push(...named('pull'))
  if (world.limits.isReadOnly.value && random.chance(LIMIT_ENDS))
    group.push(...named('switch read-only mode'))
  if (world.limits.quota.value !== undefined && random.chance(LIMIT_ENDS))
    group.push(...named('change the quota'))
  const names = group.map(({ name }) => name)
  const before = await readQuotaBefore(world.limits, world.database)
  const outcomes = await Promise.all(
    group.map(async ({ act, name }) => {
      counts.byName.set(name, (counts.byName.get(name) ?? 0) + 1)
      const node = random.pick(world.nodes)
      assert.ok(node)
      return act(world, node, random.fork())
    }),
  )
  counts.acts += group.length
  counts.trace = hashContent(`${counts.trace} ${world.steps.count} ${JSON.stringify(outcomes)}`)
  counts.repeated += outcomes.filter(({ kind }) => kind === 'repeated').length
  counts.refused += outcomes.filter(({ kind }) => kind === 'refused').length
  const isDeleting = outcomes.some(({ kind }) => kind === 'untagged' || kind === 'restored')
  const mayRefuse = isDeleting || isDamaged
  const mayFailToPull = mayRefuse || names.includes('collect now')
  for (const outcome of outcomes) {
    if (outcome.kind === 'refused' && !mayRefuse) throw outcome.error
    if (outcome.kind === 'not-pulled' && !mayFailToPull) throw outcome.error
  }
  await world.settle()
  await checkQuota(world.limits, world.database, { before, names })
  return outcomes
}

function pickAct(random: SeededRandom): (typeof ACTS)[number] {
  const total = ACTS.reduce((sum, { weight }) => sum + weight, 0)
  let at = random.next() * total
  for (const one of ACTS) {
    at -= one.weight
    if (at < 0) return one
  }
  throw new Error('weights do not add up')
}

async function compare(world: World, model: Model, outcomes: readonly Outcome[]): Promise<void> {
  await world.settle()
  const actual = await readTags(world)
  const pins = await comparePins(world, model, outcomes)
  for (const outcome of outcomes) {
    if (outcome.kind !== 'pushed') continue
    const digests = model.pushed.get(outcome.repository) ?? new Set()
    model.pushed.set(outcome.repository, digests.add(outcome.digest))
  }
  const touched = new Set(
    outcomes.flatMap((outcome) =>
      outcome.kind === 'untagged' || outcome.kind === 'restored' ? [outcome.repository] : [],
    ),
  )
  const keys = new Set([...model.tags.keys(), ...actual.keys()])
  for (const key of keys) {
    checkPinnedTag(key, { model, pins, outcomes, digest: actual.get(key) })
    if (touched.has(key.split(':')[0] as RepositoryName)) continue
    const pushes = outcomes.flatMap((outcome) =>
      outcome.kind === 'pushed' && `${outcome.repository}:${outcome.tag}` === key ? [outcome.digest] : [],
    )
    const expected: (Digest | undefined)[] = pushes.length > 0 ? pushes : [model.tags.get(key)]
    const isRetained = outcomes.some(({ kind }) => kind === 'retained')
    if (isRetained && !key.endsWith(`:${SHIELDED_TAG}`)) expected.push(undefined)
    assert.ok(
      expected.includes(actual.get(key)),
      `${key} points at ${actual.get(key)}, and should at ${expected.join(' or ')}`,
    )
  }
  model.tags = actual
  model.pins = pins
}

/** A pin ends by its command alone, and its manifest stays as long. Returns the pins. */
async function comparePins(
  { nodes: [node] }: World,
  model: Model,
  outcomes: readonly Outcome[],
): Promise<ReadonlySet<string>> {
  assert.ok(node)
  const pins = new Set<string>()
  for (const { repository, digest } of await node.metadata.listPins({ limit: 1_000 })) {
    pins.add(`${repository}@${digest}`)
    assert.ok(
      await node.metadata.findManifest(repository, digest),
      `${repository}@${digest} is pinned and gone`,
    )
  }
  for (const pin of model.pins) {
    if (!changesPins(outcomes, pin.split('@')[0])) assert.ok(pins.has(pin), `the pin of ${pin} is gone`)
  }
  return pins
}

/** The tag of a manifest that was pinned all the time may be pushed and restored, and nothing removes it. */
function checkPinnedTag(
  key: string,
  {
    model,
    pins,
    outcomes,
    digest,
  }: { model: Model; pins: ReadonlySet<string>; outcomes: readonly Outcome[]; digest: Digest | undefined },
): void {
  const [repository] = key.split(':')
  const pin = `${repository}@${model.tags.get(key)}`
  if (!model.pins.has(pin) || !pins.has(pin) || changesPins(outcomes, repository)) return
  const mayMove = outcomes.some(
    (outcome) =>
      (outcome.kind === 'pushed' && `${outcome.repository}:${outcome.tag}` === key) ||
      (outcome.kind === 'restored' && outcome.repository === repository),
  )
  if (!mayMove) assert.equal(digest, model.tags.get(key), `${key} has ended, and ${pin} is pinned`)
}

function changesPins(outcomes: readonly Outcome[], repository: string | undefined): boolean {
  return outcomes.some((outcome) => outcome.kind === 'pins-changed' && outcome.repository === repository)
}

/** With enough time and rounds all that no tag needs is gone, and nothing else. */
async function checkEnd(world: World, random: SeededRandom): Promise<void> {
  const [node] = world.nodes
  assert.ok(node)
  if (world.limits.isReadOnly.value) await switchReadOnly(world, node, random)
  if (world.limits.quota.value !== undefined) await changeQuota(world, node, random)
  await world.settle()
  await node.sweep()
  for (const { repository, digest } of await node.metadata.listPins({ limit: 1_000 })) {
    await node.metadata.unpin(repository, digest)
  }
  // Three times: what leaves the trash may itself have been used until then.
  for (let round = 0; round < 3; round++) {
    world.pass(POLICY.keepMs + POLICY.relyMs + 1)
    await node.collect()
  }
  const needed = await findNeeded(world)
  assert.deepEqual((await listStore(world)).sort(), [...needed].sort())
  assert.deepEqual(await node.metadata.listTrash(10), [])
  while ((await node.dropAside()) > 0);
  const damages = await world.database.read.selectFrom('blob_damages').select('digest').execute()
  assert.deepEqual(damages, [], 'wrong bytes are kept')
}

/** Each act was run, and each thing that acts are to meet has happened. */
function checkAllMet({ limits }: World, { byName }: Counts): void {
  assert.deepEqual(
    ACTS.map(({ name }) => name).filter((name) => !byName.has(name)),
    [],
    'these acts were not run',
  )
  assert.deepEqual(
    MET.filter((event) => !limits.events.has(event)),
    [],
    'this has never happened',
  )
}
