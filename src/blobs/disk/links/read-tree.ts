import { join } from 'node:path'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { FoundLink, FoundManifest, LinkBatch, Oddity, TreePart, TreeSelection } from '../../link-tree.ts'
import { collectBatches, listLinks, listTagLinks, listUploads } from './list-links.ts'
import { listRepositories } from './list-repositories.ts'
import { findSize, readManifest } from './read-content.ts'
import { isOddity } from './read-link.ts'

/** Bytes of manifests in one part of a tree, at least: the one that exceeds it is the last. */
const MAX_PART_BYTES = 4 * 1024 * 1024

/** A tree to read. */
export interface TreeJob {
  /** The folder of the blobs. */
  readonly root: string
  /** The folder of the links. */
  readonly top: string
  readonly selection: TreeSelection
}

/** Reads a whole tree: see `LinkTree.readAll()`. */
export function* readTree(job: TreeJob): Generator<TreePart> {
  for (const found of listRepositories(job.top)) {
    if (isOddity(found)) yield { kind: 'oddity', oddity: found }
    else yield* readRepository(job, found)
  }
}

function* readRepository({ root, top, selection }: TreeJob, name: RepositoryName): Generator<TreePart> {
  const { readsContent } = selection
  yield { kind: 'repository', name }
  for (const batch of collectBatches(listLinks({ top, part: join(name, '_layers') }, selection)))
    yield { kind: 'blobs', ...batch, found: readsContent ? addSizes(root, batch.found) : batch.found }
  const manifests = listLinks({ top, part: join(name, '_manifests/revisions') }, selection)
  for (const batch of collectBatches(manifests))
    yield* readsContent ? addContent(root, batch) : [toPart(batch)]
  for (const batch of collectBatches(listTagLinks({ top, part: join(name, '_manifests/tags') }, selection)))
    yield { kind: 'tags', ...batch }
  for (const batch of collectBatches<never>(listUploads({ top, part: join(name, '_uploads') })))
    yield { kind: 'uploads', ...batch }
}

function addSizes(root: string, links: readonly FoundLink[]) {
  return links.map((link) => ({ ...link, size: findSize(root, link.target) }))
}

/** One part for each {@link MAX_PART_BYTES}. */
function* addContent(root: string, { found, oddities }: LinkBatch<FoundLink>): Generator<TreePart> {
  let read: FoundManifest[] = []
  let bytes = 0
  let left: readonly Oddity[] = oddities
  for (const link of found) {
    const content = readManifest(root, link.target)
    read.push({ ...link, content })
    if (typeof content !== 'string') bytes += content.length
    if (bytes < MAX_PART_BYTES) continue
    yield toPart({ found: read, oddities: left })
    read = []
    left = []
    bytes = 0
  }
  if (read.length + left.length > 0) yield toPart({ found: read, oddities: left })
}

function toPart(batch: LinkBatch<FoundManifest>): TreePart {
  return { kind: 'manifests', ...batch }
}

/** Bytes of the manifests in a part. */
export function bytesOf(part: TreePart): number {
  if (part.kind !== 'manifests') return 0
  return part.found.reduce(
    (sum, { content }) => sum + (content instanceof Uint8Array ? content.length : 0),
    0,
  )
}
