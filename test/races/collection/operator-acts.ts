import assert from 'node:assert/strict'
import { hashContent } from '../../../src/oci/digest.ts'
import { OciError } from '../../../src/oci/errors.ts'
import { type Act, NONE, pick, REPOSITORIES, TAGS } from './act.ts'
import { countUse } from './check-quota.ts'
import { listNamed } from './check-world.ts'
import { documentWith, type World } from './world.ts'

/** Most bytes that a quota leaves beyond what is held: a few manifests. */
const MOST_LEFT_BYTES = 2_500

/** The process that changes settings: the first one learns of them by {@link World.settle}. */
function lastNode({ nodes }: World): World['nodes'][number] {
  const node = nodes.at(-1)
  assert.ok(node)
  return node
}

/** Turns read-only mode on if it is off, and off if it is on. */
export const switchReadOnly: Act = async (world) => {
  const isOn = !world.limits.isReadOnly.value
  const { metadata } = lastNode(world)
  await world.limits.isReadOnly.change(isOn, async () => {
    if (isOn) await metadata.turnOn('read-only', { by: 'operator', reason: 'a move' })
    else assert.equal(await metadata.turnOff('read-only'), true)
    await world.settle()
  })
  return NONE
}

/** Sets a quota near what is held if there is none, and lifts it if there is one. */
export const changeQuota: Act = async (world, _node, random) => {
  const isSet = world.limits.quota.value === undefined
  const left = random.between(-100, MOST_LEFT_BYTES)
  const limit = isSet ? Math.max(0, (await countUse(world.database)) + left) : undefined
  const { metadata } = lastNode(world)
  await world.limits.quota.change(limit, async () => {
    const { version } = await metadata.readPolicies()
    assert.ok(await metadata.replacePolicies(documentWith(limit), { expected: version }))
    await world.settle()
  })
  return NONE
}

/** Verifies all stored content: nothing is damaged but what the races have damaged. */
export const scrubPass: Act = async (_world, node) => {
  await node.scrub()
  return NONE
}

/** Pulls an image as clients do. Whatever else happens, its bytes have their digest. */
export const pull: Act = async ({ limits, damaged }, { registry }, random) => {
  const [repository, tag] = [pick(random, REPOSITORIES), pick(random, TAGS)]
  const isReadOnlyBefore = limits.isReadOnly.read()
  try {
    const { digest, bytes } = await registry.getManifest(repository, tag)
    assert.equal(hashContent(bytes), digest)
    for (const blob of listNamed(bytes)) {
      const { size } = await registry.statBlob(repository, blob.digest)
      const parts: Buffer[] = []
      await registry.sendBlob(
        { repository, digest: blob.digest, size },
        [{ start: 0, end: size }],
        async (part) => void parts.push(Buffer.from(part)),
      )
      if (!damaged.has(blob.digest)) assert.equal(hashContent(Buffer.concat(parts)), blob.digest)
    }
    if (limits.isReadOnly.since(isReadOnlyBefore)?.value) limits.note('pulled while read-only')
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    if (error.code === 'BLOB_UNKNOWN') return { kind: 'not-pulled', error }
    if (error.code !== 'MANIFEST_UNKNOWN') throw error
  }
  return NONE
}
