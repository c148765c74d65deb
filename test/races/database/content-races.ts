import type { ManifestRecord, Metadata } from '../../../src/metadata/metadata.ts'
import { type Digest, hashContent } from '../../../src/oci/digest.ts'
import { parseManifest } from '../../../src/oci/manifest.ts'
import { MEDIA_TYPES } from '../../../src/oci/media-type.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import type { UploadId } from '../../../src/oci/request.ts'
import { allAtOnce, type Race, type Round } from './race.ts'

/** Layers that are linked at once. */
const LAYERS = 5
/** Upload sessions that are opened at once, and the bound. */
const UPLOADS = 20
const MAX_UPLOADS = 5
/** Clients that move one tag. */
const MOVERS = 4

const V1 = parseTag('v1')

/** Races for what repositories hold. */
export const CONTENT_RACES: readonly Race[] = [
  { name: 'layers into a new repository: links that failed', rounds: 50, perRound: LAYERS, run: linkLayers },
  { name: 'upload sessions beyond the bound', rounds: 20, perRound: UPLOADS - MAX_UPLOADS, run: openUploads },
  {
    name: 'upload sessions that go on from one offset for all or none',
    rounds: 200,
    perRound: 1,
    run: advanceUpload,
  },
  {
    name: 'a link beside the end of an empty repository: links lost',
    rounds: 200,
    perRound: 1,
    run: linkBesideDrop,
  },
  { name: 'manifests served whose blob is gone', rounds: 200, perRound: 1, run: deleteBesideManifest },
  { name: 'indexes stored whose manifest is gone', rounds: 200, perRound: 1, run: deleteBesideIndex },
  { name: 'tags that point at nothing after several moved them', rounds: 50, perRound: 1, run: moveTag },
]

async function linkLayers({ nodes, id }: Round): Promise<number> {
  const repository = toRepository('layers', id)
  const digests = Array.from({ length: LAYERS }, (_, at) => hashContent(`layer ${id} ${at}`))
  const links = digests.map(
    (digest, at) => () => metadataOf(nodes, at).linkBlob({ repository, digest, size: 7 }),
  )
  const failed = (await allAtOnce(links)).filter(({ status }) => status === 'rejected').length
  const found = await Promise.all(
    digests.map((digest, at) => metadataOf(nodes, at + 1).findBlob(repository, digest)),
  )
  return Math.max(failed, found.filter((blob) => blob === undefined).length)
}

async function openUploads({ nodes, id }: Round): Promise<number> {
  const opening = Array.from(
    { length: UPLOADS },
    (_, at) => () =>
      metadataOf(nodes, at).createUpload(
        {
          id: `${id}-${at}`.padEnd(22, 'A') as UploadId,
          repository: toRepository('uploads', id),
          principal: `user:${id}`,
          offset: 0,
          state: '',
        },
        MAX_UPLOADS,
      ),
  )
  const results = await allAtOnce(opening)
  const opened = results.filter((result) => result.status === 'fulfilled' && result.value).length
  return Math.abs(opened - MAX_UPLOADS)
}

/** Each node writes the same part of one body. */
async function advanceUpload({ nodes, id }: Round): Promise<number> {
  const upload = `${id}-`.padEnd(22, 'A') as UploadId
  const row = { id: upload, repository: toRepository('advance', id), principal: `user:${id}` }
  await metadataOf(nodes, 0).createUpload({ ...row, offset: 0, state: '' })
  const results = await allAtOnce(
    nodes.map(
      ({ metadata }, at) =>
        () =>
          metadata.advanceUpload(upload, 0, { offset: 1, state: String(at) }),
    ),
  )
  return results.filter((result) => result.status === 'fulfilled' && result.value).length === 1 ? 0 : 1
}

async function linkBesideDrop({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('drop', id)
  const [leaving, coming] = [hashContent(`leaving ${id}`), hashContent(`coming ${id}`)]
  await metadataOf(nodes, 0).linkBlob({ repository, digest: leaving, size: 1 })
  const steps: (() => Promise<unknown>)[] = [
    () => metadataOf(nodes, 0).unlinkBlob(repository, leaving),
    () => metadataOf(nodes, 1).linkBlob({ repository, digest: coming, size: 1 }),
  ]
  const results = await allAtOnce(random.chance(0.5) ? steps : steps.reverse())
  const isHeld = (await metadataOf(nodes, 2).findBlob(repository, coming)) !== undefined
  return isHeld && results.every(({ status }) => status === 'fulfilled') ? 0 : 1
}

async function deleteBesideManifest({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('delete', id)
  const blob = `blob ${id}`
  await metadataOf(nodes, 0).linkBlob({ repository, digest: hashContent(blob), size: blob.length })
  const record = makeRecord(repository, blob, V1)
  const { isStored, removal } = await storeBesideRemoval(
    random,
    () => metadataOf(nodes, 1).putManifest(record),
    () => metadataOf(nodes, 0).unlinkBlob(repository, hashContent(blob)),
  )
  const isServed = (await metadataOf(nodes, 2).findManifest(repository, V1)) !== undefined
  const isHeld = (await metadataOf(nodes, 2).findBlob(repository, hashContent(blob))) !== undefined
  const isRight = isServed === isStored && isHeld === isStored
  return isRight && removal === (isStored ? 'in-use' : 'removed') ? 0 : 1
}

async function deleteBesideIndex({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('index', id)
  const blob = `blob ${id}`
  await metadataOf(nodes, 0).linkBlob({ repository, digest: hashContent(blob), size: blob.length })
  const child = makeRecord(repository, blob, V1)
  await metadataOf(nodes, 0).putManifest(child)
  const { isStored, removal } = await storeBesideRemoval(
    random,
    () => metadataOf(nodes, 1).putManifest(makeIndex(child)),
    () => metadataOf(nodes, 2).deleteManifest(repository, child.digest),
  )
  const isHeld = (await metadataOf(nodes, 0).findManifest(repository, child.digest)) !== undefined
  return isHeld === isStored && removal === (isStored ? 'in-use' : 'removed') ? 0 : 1
}

/** Stores a manifest while what it names is removed, in any order. */
async function storeBesideRemoval(
  random: Round['random'],
  store: () => ReturnType<Metadata['putManifest']>,
  remove: () => Promise<string>,
): Promise<{ readonly isStored: boolean; readonly removal: string | undefined }> {
  let isStored = false
  let removal: string | undefined
  const steps = [
    async () => {
      isStored = (await store()).missing.length === 0
    },
    async () => {
      removal = await remove()
    },
  ]
  await allAtOnce(random.chance(0.5) ? steps : steps.reverse())
  return { isStored, removal }
}

/** One of them deletes the manifest that the tag pointed at before. */
async function moveTag({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('tags', id)
  const blob = `blob ${id}`
  await metadataOf(nodes, 0).linkBlob({ repository, digest: hashContent(blob), size: blob.length })
  const first = makeRecord(repository, blob, V1)
  await metadataOf(nodes, 0).putManifest(first)
  const records = Array.from({ length: MOVERS }, (_, at) => makeRecord(repository, blob, V1, `mover ${at}`))
  const steps: (() => Promise<unknown>)[] = records.map(
    (record, at) => () => metadataOf(nodes, at).putManifest(record),
  )
  steps.splice(random.between(0, MOVERS), 0, () =>
    metadataOf(nodes, 1).deleteManifest(repository, first.digest),
  )
  const results = await allAtOnce(steps)
  const metadata = metadataOf(nodes, 3)
  const pointed = await metadata.findManifest(repository, V1)
  const digests: readonly Digest[] = records.map(({ digest }) => digest)
  const tags = (await metadata.describeTags(repository, { limit: 9, last: undefined })) ?? []
  const stored = await Promise.all(records.map(({ digest }) => metadata.findManifest(repository, digest)))
  const gone = await metadata.findManifest(repository, first.digest)
  const isRight =
    pointed !== undefined &&
    digests.includes(pointed.digest) &&
    tags.map(({ digest }) => digest).join() === pointed.digest &&
    stored.every((manifest) => manifest !== undefined) &&
    gone === undefined
  return isRight && results.every(({ status }) => status === 'fulfilled') ? 0 : 1
}

function metadataOf(nodes: Round['nodes'], at: number): Metadata {
  return (nodes[at % nodes.length] as Round['nodes'][number]).metadata
}

function toRepository(race: string, id: string): RepositoryName {
  return parseRepositoryName(`race/${race}-${id}`)
}

/** A manifest that names one blob by its content. */
function makeRecord(repository: RepositoryName, blob: string, tag: Tag, note = ''): ManifestRecord {
  const config = { mediaType: 'a/b', digest: hashContent(blob), size: blob.length }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [], annotations: { note } }))
  const manifest = parseManifest(bytes, MEDIA_TYPES.ociManifest)
  return { repository, digest: hashContent(bytes), manifest, bytes, tags: [tag], isSparseAllowed: false }
}

/** An index of one manifest, without a tag. */
function makeIndex({ repository, digest, bytes: child }: ManifestRecord): ManifestRecord {
  const manifests = [{ mediaType: MEDIA_TYPES.ociManifest, digest, size: child.length }]
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }))
  const manifest = parseManifest(bytes, MEDIA_TYPES.ociIndex)
  return { repository, digest: hashContent(bytes), manifest, bytes, tags: [], isSparseAllowed: false }
}
