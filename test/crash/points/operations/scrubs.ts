import assert from 'node:assert/strict'
import { type Digest, hashContent } from '../../../../src/oci/digest.ts'
import type { RepositoryName } from '../../../../src/oci/repository-name.ts'
import { repair } from '../../../../src/upkeep/scrub/repair.ts'
import { readBytes } from '../../../races/collection/check-world.ts'
import { createBody } from '../../../support/memory/registry-room.ts'
import { APP, imageOf, layerText, OWNER, type PointRoom, WEB } from './content.ts'
import type { Operation } from './operation.ts'

/** Time after which no push counts as under way, in milliseconds: what is being pushed is never put in quarantine. */
const PUSHES_ENDED_MS = 2 * 3_600_000
/** Blobs whose bytes are damaged, and manifests whose copy in the store is: rows have their right bytes. */
const BLOBS = [layerText('b'), layerText('web'), layerText('c')].map((text) => Buffer.from(text))
const MANIFESTS = [imageOf('a', 'b'), imageOf('a', 'web')]

/** Finding of damaged bytes, and both ways to mend them. */
export const SCRUBS: readonly Operation[] = [
  {
    name: 'scrub damaged content, and push it again',
    base: 'damaged',
    isUpkeep: true,
    async run(room) {
      await findDamage(room)
      for (const [digest, bytes] of room.ledger.damaged) await pushAgain(room, digest, bytes)
    },
    checkAlways: checkQuarantine,
    checkSuccess: checkMended,
  },
  {
    name: 'scrub damaged content, and repair it from another registry',
    base: 'damaged',
    isUpkeep: true,
    async run(room) {
      await findDamage(room)
      const { site, ledger } = room
      const pull = (digest: Digest): Buffer =>
        ledger.damaged.get(digest) ?? assert.fail(`${digest} is pulled`)
      const source = {
        async *pullBlob(_repository: RepositoryName, digest: Digest) {
          yield pull(digest)
        },
        pullManifest: async (_repository: RepositoryName, digest: Digest) => pull(digest),
      }
      const { store: blobs, scrubFacts: facts, metadata } = site
      for await (const { digest, from, error } of repair({ blobs, facts, metadata, source })) {
        if (from === undefined) throw error
        await noteMended(room, digest)
      }
      // One that was repaired before its acknowledgement is not in quarantine any more.
      for (const digest of ledger.damaged.keys()) await noteMended(room, digest)
    },
    checkAlways: checkQuarantine,
    checkSuccess: checkMended,
  },
]

/** Damages a base: bytes are changed, cut and removed. */
export async function damage({ site, ledger }: PointRoom): Promise<void> {
  site.clock.now += PUSHES_ENDED_MS
  const [changed, cut, removed] = BLOBS as [Buffer, Buffer, Buffer]
  const [changedManifest, removedManifest] = MANIFESTS as [Buffer, Buffer]
  for (const bytes of [...BLOBS, ...MANIFESTS]) ledger.damaged.set(hashContent(bytes), bytes)
  for (const bytes of [changed, changedManifest])
    await site.store.put(
      hashContent(bytes),
      Buffer.from(bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte))),
    )
  await site.store.put(hashContent(cut), cut.subarray(1))
  for (const bytes of [removed, removedManifest]) await site.store.delete(hashContent(bytes))
}

/** Verifies all content: what is damaged is in quarantine after that, or mended by the rows of manifests. */
async function findDamage(room: PointRoom): Promise<void> {
  const { site, ledger } = room
  for (const digest of ledger.damaged.keys()) ledger.mayRemove(...ledger.thingsOf(digest))
  await site.scrub()
  for (const bytes of MANIFESTS) await noteMended(room, hashContent(bytes))
  const inQuarantine = await listQuarantine(room)
  for (const [digest, bytes] of ledger.damaged)
    if (!inQuarantine.includes(digest)) assert.deepEqual(await readBytes(room.site.store, digest), bytes)
}

async function pushAgain({ site, ledger }: PointRoom, digest: Digest, bytes: Buffer): Promise<void> {
  const things = ledger.thingsOf(digest)
  const repository = things.some((thing) => thing.startsWith(`blob ${APP}@`)) ? APP : WEB
  // All repositories that hold it have it again.
  await ledger.step(Object.fromEntries(things.map((thing) => [thing, 'there'])), () =>
    site.registry.pushWholeBlob({ repository, owner: OWNER, digest }, createBody(bytes)),
  )
  ledger.damaged.delete(digest)
}

/** Notes that content is whole again, for all that hold it. */
async function noteMended({ ledger }: PointRoom, digest: Digest): Promise<void> {
  await ledger.step(
    Object.fromEntries(ledger.thingsOf(digest).map((thing) => [thing, 'there'])),
    async () => {},
  )
  ledger.damaged.delete(digest)
}

/** Nothing good is in quarantine. */
async function checkQuarantine(room: PointRoom): Promise<void> {
  const wrong = (await listQuarantine(room)).filter((digest) => !room.ledger.damaged.has(digest))
  assert.deepEqual(wrong, [], 'good content is in quarantine')
}

async function checkMended(room: PointRoom): Promise<void> {
  assert.deepEqual(await listQuarantine(room), [])
  for (const bytes of [...BLOBS, ...MANIFESTS])
    assert.deepEqual(await readBytes(room.site.store, hashContent(bytes)), bytes)
}

async function listQuarantine({ site }: PointRoom): Promise<Digest[]> {
  return (await site.scrubFacts.listDamages({ limit: 1_000 })).map(({ digest }) => digest)
}
