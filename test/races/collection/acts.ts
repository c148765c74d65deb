import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { OciError } from '../../../src/oci/errors.ts'
import { parseReference, type Tag } from '../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import { createBody, formatManifest } from '../../support/memory/registry-room.ts'
import { type Act, LAYERS, NONE, type Outcome, OWNER, pick, REPOSITORIES, TAGS } from './act.ts'
import { isQuotaError } from './limits.ts'
import { changeQuota, pull, scrubPass, switchReadOnly } from './operator-acts.ts'
import { POLICY, type WorldNode } from './world.ts'

/** Pushes as real clients do: HEAD first, then only what is missing. */
async function pushLayer(
  { registry }: WorldNode,
  repository: RepositoryName,
  text: string,
  random: SeededRandom,
): Promise<void> {
  const digest = hashContent(text)
  if (random.chance(0.7)) {
    try {
      await registry.statBlob(repository, digest, { isReliedOn: true })
      return
    } catch (error) {
      if (!(error instanceof OciError && error.code === 'BLOB_UNKNOWN')) throw error
    }
  }
  if (random.chance(0.3)) {
    const from = pick(random, REPOSITORIES)
    if (await registry.mountBlob({ repository, digest, from, readable: 'all' })) return
  }
  await registry.pushWholeBlob({ repository, owner: OWNER, digest }, createBody(text))
}

async function pushManifest(
  { registry }: WorldNode,
  { repository, bytes, tag }: { repository: RepositoryName; bytes: Buffer; tag: Tag | undefined },
): Promise<Digest> {
  const reference = parseReference(tag ?? hashContent(bytes))
  const push = { repository, owner: OWNER, reference, bytes, tags: [], contentType: undefined }
  return (await registry.pushManifest(push)).digest
}

/** Beside others that delete, a push may be refused; any other error is a fault. */
async function orRepeated(push: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await push()
  } catch (error) {
    if (!(error instanceof OciError)) throw error
    if (error.code === 'UNAVAILABLE') return { kind: 'repeated' }
    if (error.code === 'UNSUPPORTED' || (error.code === 'DENIED' && isQuotaError(error))) return NONE
    if (error.code === 'MANIFEST_BLOB_UNKNOWN') return { kind: 'refused', error }
    throw error
  }
}

const pushImage: Act = (_world, node, random) =>
  orRepeated(async () => {
    const repository = pick(random, REPOSITORIES)
    const tag = pick(random, TAGS)
    const layers = LAYERS.filter(() => random.chance(0.4))
    for (const text of ['{}', ...layers]) await pushLayer(node, repository, text, random)
    const digest = await pushManifest(node, { repository, bytes: formatManifest({ layers }), tag })
    return { kind: 'pushed', repository, tag, digest }
  })

const pushIndex: Act = (_world, node, random) =>
  orRepeated(async () => {
    const repository = pick(random, REPOSITORIES)
    const tag = pick(random, TAGS)
    const children: Buffer[] = []
    for (let count = random.between(1, 2); count > 0; count--) {
      const layers = LAYERS.filter(() => random.chance(0.3))
      for (const text of ['{}', ...layers]) await pushLayer(node, repository, text, random)
      const bytes = formatManifest({ layers, annotations: { child: String(random.between(1, 4)) } })
      await pushManifest(node, { repository, bytes, tag: undefined })
      children.push(bytes)
    }
    const digest = await pushManifest(node, { repository, bytes: formatManifest({ children }), tag })
    return { kind: 'pushed', repository, tag, digest }
  })

const pushReferrer: Act = (_world, node, random) =>
  orRepeated(async () => {
    const repository = pick(random, REPOSITORIES)
    const subject = formatManifest({ layers: LAYERS.filter(() => random.chance(0.4)) })
    await pushLayer(node, repository, '{}', random)
    const bytes = formatManifest({ subject, artifactType: 'test/signature' })
    await pushManifest(node, { repository, bytes, tag: undefined })
    return NONE
  })

const deleteTag: Act = async (_world, { registry }, random) => {
  const repository = pick(random, REPOSITORIES)
  const tag = pick(random, TAGS)
  const codes = ['MANIFEST_UNKNOWN', 'DENIED', 'UNSUPPORTED']
  const isDone = await expecting(codes, () => registry.deleteManifest(repository, tag))
  return isDone ? { kind: 'untagged', repository, tag } : NONE
}

const deleteManifest: Act = async (_world, { registry, metadata }, random) => {
  const repository = pick(random, REPOSITORIES)
  const found = await metadata.findManifest(repository, pick(random, TAGS))
  if (!found) return NONE
  const codes = ['MANIFEST_UNKNOWN', 'MANIFEST_IN_USE', 'DENIED', 'UNSUPPORTED']
  const isDone = await expecting(codes, () => registry.deleteManifest(repository, found.digest))
  return isDone ? { kind: 'untagged', repository } : NONE
}

const deleteBlob: Act = async (_world, { registry }, random) => {
  const repository = pick(random, REPOSITORIES)
  const digest = hashContent(pick(random, LAYERS))
  const codes = ['BLOB_UNKNOWN', 'BLOB_IN_USE', 'UNSUPPORTED']
  const isDone = await expecting(codes, () => registry.deleteBlob(repository, digest))
  // A push that has just learnt of the blob may now be refused.
  return isDone ? { kind: 'untagged', repository } : NONE
}

const deleteRepository: Act = async (_world, { metadata }, random) => {
  const repository = pick(random, REPOSITORIES)
  // Pinned manifests keep it.
  await expecting(['DENIED'], () => metadata.deleteRepository(repository))
  return { kind: 'untagged', repository }
}

const restore: Act = async (_world, { metadata }, random) => {
  const repository = pick(random, REPOSITORIES)
  if (random.chance(0.3)) await metadata.restoreRepository(repository)
  else if (random.chance(0.5)) await metadata.restoreTag({ repository, tag: pick(random, TAGS) })
  else {
    const trash = await metadata.listTrash(20)
    const trashed = random.pick(trash.filter((one) => one.digest !== undefined))
    if (trashed?.digest) await metadata.restoreManifest(trashed.repository, trashed.digest)
    if (trashed) return { kind: 'restored', repository: trashed.repository }
  }
  return { kind: 'restored', repository }
}

const pin: Act = async (_world, { metadata }, random) => {
  const repository = pick(random, REPOSITORIES)
  await metadata.pin({ repository, reference: pick(random, TAGS) })
  return { kind: 'pins-changed', repository }
}

const unpin: Act = async (_world, { metadata }, random) => {
  const repository = pick(random, REPOSITORIES)
  for (const { digest } of await metadata.listPins({ repository, limit: 10 })) {
    if (random.chance(0.7)) await metadata.unpin(repository, digest)
  }
  return { kind: 'pins-changed', repository }
}

const emptyTrash: Act = async (_world, { metadata }) => {
  await metadata.emptyTrash()
  return NONE
}

const collectRound: Act = async (_world, node) => {
  await node.collect()
  return NONE
}

/** A round without the time for which deleted content is kept; clients may still rely on their HEAD. */
const collectNow: Act = async (_world, node) => {
  await node.collect({ ...POLICY, keepMs: 0 })
  return NONE
}

const retain: Act = async (_world, node) => {
  await node.retain()
  return { kind: 'retained' }
}

const sweepStore: Act = async (_world, node) => {
  await node.sweep()
  return NONE
}

/** False if it was refused with one of these codes. */
async function expecting(codes: readonly string[], act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (error) {
    if (error instanceof OciError && codes.includes(error.code)) return false
    throw error
  }
}

/** The acts and how often each comes. */
export const ACTS: readonly { readonly act: Act; readonly name: string; readonly weight: number }[] = [
  { name: 'push an image', act: pushImage, weight: 10 },
  { name: 'push an index', act: pushIndex, weight: 4 },
  { name: 'push a referrer', act: pushReferrer, weight: 2 },
  { name: 'delete a tag', act: deleteTag, weight: 3 },
  { name: 'delete a manifest', act: deleteManifest, weight: 3 },
  { name: 'delete a blob', act: deleteBlob, weight: 2 },
  { name: 'delete a repository', act: deleteRepository, weight: 1 },
  { name: 'restore', act: restore, weight: 2 },
  { name: 'empty the trash', act: emptyTrash, weight: 0.3 },
  { name: 'collect', act: collectRound, weight: 4 },
  { name: 'collect now', act: collectNow, weight: 1 },
  { name: 'sweep', act: sweepStore, weight: 0.5 },
  { name: 'retain', act: retain, weight: 1 },
  { name: 'pin', act: pin, weight: 0.7 },
  { name: 'unpin', act: unpin, weight: 1.3 },
  { name: 'pull', act: pull, weight: 2 },
  { name: 'switch read-only mode', act: switchReadOnly, weight: 0.7 },
  { name: 'change the quota', act: changeQuota, weight: 0.7 },
  { name: 'scrub', act: scrubPass, weight: 0.3 },
]
