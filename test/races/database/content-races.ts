import type { ManifestRecord, Metadata } from '../../../src/metadata/metadata.ts'
import { type Digest, digestOf } from '../../../src/oci/digest.ts'
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
  { name: 'layers into a new repository: links that failed', rounds: 30, perRound: LAYERS, run: linkLayers },
  { name: 'upload sessions beyond the bound', rounds: 20, perRound: UPLOADS - MAX_UPLOADS, run: openUploads },
  {
    name: 'a link beside the end of an empty repository: links lost',
    rounds: 100,
    perRound: 1,
    run: linkBesideDrop,
  },
  { name: 'manifests served whose blob is gone', rounds: 200, perRound: 1, run: deleteBesideManifest },
  { name: 'tags that point at nothing after several moved them', rounds: 50, perRound: 1, run: moveTag },
]

async function linkLayers({ nodes, id }: Round): Promise<number> {
  const repository = toRepository('layers', id)
  const digests = Array.from({ length: LAYERS }, (_, at) => digestOf(`layer ${id} ${at}`))
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

async function linkBesideDrop({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('drop', id)
  const [leaving, coming] = [digestOf(`leaving ${id}`), digestOf(`coming ${id}`)]
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
  await metadataOf(nodes, 0).linkBlob({ repository, digest: digestOf(blob), size: blob.length })
  const record = makeRecord(repository, blob, V1)
  const steps: (() => Promise<unknown>)[] = [
    () => metadataOf(nodes, 0).unlinkBlob(repository, digestOf(blob)),
    () => metadataOf(nodes, 1).putManifest(record),
  ]
  await allAtOnce(random.chance(0.5) ? steps : steps.reverse())
  const isServed = (await metadataOf(nodes, 2).findManifest(repository, V1)) !== undefined
  const isHeld = (await metadataOf(nodes, 2).findBlob(repository, digestOf(blob))) !== undefined
  return isServed && !isHeld ? 1 : 0
}

/** One of them deletes the manifest that the tag pointed at before. */
async function moveTag({ nodes, id, random }: Round): Promise<number> {
  const repository = toRepository('tags', id)
  const blob = `blob ${id}`
  await metadataOf(nodes, 0).linkBlob({ repository, digest: digestOf(blob), size: blob.length })
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
  const pointed = await metadataOf(nodes, 3).findManifest(repository, V1)
  const digests: readonly Digest[] = records.map(({ digest }) => digest)
  const isRight = pointed !== undefined && digests.includes(pointed.digest)
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
  const config = { mediaType: 'a/b', digest: digestOf(blob), size: blob.length }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: [], annotations: { note } }))
  const manifest = parseManifest(bytes, MEDIA_TYPES.ociManifest)
  return { repository, digest: digestOf(bytes), manifest, bytes, tags: [tag], isSparseAllowed: false }
}
