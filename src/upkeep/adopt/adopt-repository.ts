import type {
  FoundBlob,
  FoundLink,
  FoundManifest,
  FoundTag,
  LinkBatch,
  LinkReader,
  LinkTree,
} from '../../blobs/link-tree.ts'
import type {
  AdoptedBlob,
  AdoptedManifest,
  AdoptFacts,
  AdoptManifestRules,
  ManifestOutcome,
  TagOutcome,
} from '../../metadata/adopt-facts.ts'
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { NoteKind, Tally } from './adopt-report.ts'
import { readStoredManifest } from './read-stored-manifest.ts'

/** Name in the history of tags that were taken over. */
export const ADOPTED_BY = '(adopt)'

/** Dependencies of a takeover. */
export interface AdoptParts {
  readonly tree: LinkTree
  readonly facts: AdoptFacts
  /** True: manifests may lack content, as by the setting `sparse-manifests`. */
  readonly isSparseAllowed: boolean
  readonly tally: Tally
  /** Bound of one transaction, in entries: found anew for each. */
  readonly maxEntries: () => number
  /** Called after each batch. */
  readonly onBatch: () => void
  /** Ends the takeover between two batches. */
  readonly signal?: AbortSignal | undefined
}

/** One repository of a tree. */
export interface Source {
  readonly reader: LinkReader
  readonly name: RepositoryName
  /** Only what was written since then, in ms; what is found odd was reported before. */
  readonly since: number | undefined
}

/** The blobs that are stored. */
export async function sizeBlobs(
  links: readonly FoundBlob[],
  source: Source,
  parts: AdoptParts,
): Promise<AdoptedBlob[]> {
  const later = await parts.tree.sizesOf(
    links.flatMap(({ size, target }) => (size === undefined ? [target] : [])),
  )
  const blobs: AdoptedBlob[] = []
  for (const link of links) {
    const size = link.size ?? later.shift() ?? 'missing-blob'
    const where = `${source.name}@${link.digest}`
    if (typeof size !== 'number') noteOne(size, where, source, parts)
    else if (await hasBytes(link, parts.tree)) blobs.push({ digest: link.digest, size, at: link.at })
    else noteOne('wrong-link', where, source, parts)
  }
  return blobs
}

/** Distribution stores content pushed by another algorithm under its own digest, with a link from the one to the other. */
async function hasBytes({ digest, target }: FoundLink, tree: LinkTree): Promise<boolean> {
  return digest === target || (await tree.storeUnder(digest, target))
}

/**
 * Looks again at the manifests of a large repository, of which some lacked content. An index is taken over after its children, and the
 * list of links has no order: so it is gone through again as long as that brings something, and a last time for those that stay
 * incomplete.
 */
export async function retryManifests(source: Source, parts: AdoptParts): Promise<void> {
  for (let takesIncomplete = false; ; ) {
    const pass = await passManifests(source, parts, takesIncomplete)
    if (pass.lacking === 0 || takesIncomplete) {
      for (const { kind, where } of pass.notes) noteOne(kind, where, source, parts)
      return
    }
    takesIncomplete = pass.adopted === 0
  }
}

interface ManifestPass {
  adopted: number
  /** Manifests left out since they lack content. */
  lacking: number
  /** Written into the report if it is the last pass. */
  readonly notes: { kind: NoteKind; where: string }[]
}

/** Notes of one pass: of more only the number would be of use. */
const MAX_NOTES = 10_000

async function passManifests(
  source: Source,
  parts: AdoptParts,
  takesIncomplete: boolean,
): Promise<ManifestPass> {
  const { name, reader, since } = source
  const { facts, tally, isSparseAllowed } = parts
  const pass: ManifestPass = { adopted: 0, lacking: 0, notes: [] }
  const note = (kind: NoteKind, where: string): void => {
    if (pass.notes.length < MAX_NOTES) pass.notes.push({ kind, where })
  }
  const rules: AdoptManifestRules = { takesIncomplete, isSparseAllowed }
  for await (const batch of reader.listManifests(name, { since })) {
    for (const { kind, where } of batch.oddities) note(kind, where)
    const { unknown } = await dropKnown(batch, (digests) => facts.findKnownManifests(name, digests))
    const manifests = await readManifests(unknown, { name, note, tree: parts.tree })
    const outcomes = await facts.adoptManifests(name, manifests, rules)
    outcomes.forEach((outcome, at) => {
      const digest = manifests[at]?.digest
      const isAdded = outcome.kind === 'adopted' || outcome.kind === 'incomplete'
      if (isAdded) pass.adopted++
      if (isAdded) tally.manifests.adopted++
      if (outcome.kind === 'lacking') pass.lacking++
      const kind = NOTE_OF[outcome.kind]
      const why = 'missing' in outcome ? `, ${outcome.missing}` : ''
      // An incomplete index is known in later passes.
      if (outcome.kind === 'incomplete') noteOne('incomplete-index', `${name}@${digest}${why}`, source, parts)
      else if (kind !== undefined) note(kind, `${name}@${digest}${why}`)
    })
    endBatch(parts)
  }
  return pass
}

/** Notes about manifests that are not taken over. */
export const NOTE_OF: Readonly<Partial<Record<ManifestOutcome['kind'], NoteKind>>> = {
  lacking: 'lacking-content',
  missized: 'missized-content',
  'deleted-here': 'deleted-here',
  'being-removed': 'being-removed',
}

/** The manifests that can be taken over. */
export async function readManifests(
  links: readonly FoundManifest[],
  {
    name,
    note,
    tree,
  }: { name: RepositoryName; note: (kind: NoteKind, where: string) => void; tree: LinkTree },
): Promise<AdoptedManifest[]> {
  const later = await tree.readManifests(
    links.flatMap(({ content, target }) => (content === undefined ? [target] : [])),
  )
  const manifests: AdoptedManifest[] = []
  for (const link of links) {
    const content = link.content ?? later.shift() ?? 'missing-blob'
    const where = `${name}@${link.digest}`
    if (typeof content === 'string') note(content, where)
    else if (!(await hasBytes(link, tree))) note('wrong-link', where)
    else {
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength)
      const manifest = readStoredManifest(bytes)
      if (typeof manifest === 'string') note('unsupported-manifest', `${where}: ${manifest}`)
      else manifests.push({ digest: link.digest, bytes, manifest, at: link.at })
    }
  }
  return manifests
}

/** Counts a tag in the report. */
export function countTag(
  outcome: TagOutcome,
  tag: FoundTag | undefined,
  { source, parts }: { source: Source; parts: AdoptParts },
): void {
  const { tags } = parts.tally
  if (outcome === 'adopted' || outcome === 'moved') tags.adopted++
  else if (outcome === 'known' && source.since === undefined) tags.known++
  const kind = TAG_NOTES[outcome]
  if (kind !== undefined) noteOne(kind, `${source.name}:${tag?.name}, ${tag?.digest}`, source, parts)
}

const TAG_NOTES: Readonly<Partial<Record<TagOutcome, NoteKind>>> = {
  moved: 'tag-moved',
  'kept-here': 'tag-kept',
  'deleted-here': 'deleted-here',
  'no-manifest': 'tag-without-manifest',
}

/** Leaves out links to content that the repository has. */
export async function dropKnown<T extends FoundLink>(
  { found }: LinkBatch<T>,
  findKnown: (digests: readonly Digest[]) => Promise<Set<Digest>>,
): Promise<{ unknown: T[]; knownCount: number }> {
  const known = await findKnown(found.map(({ digest }) => digest))
  return { unknown: found.filter(({ digest }) => !known.has(digest)), knownCount: known.size }
}

/** The second look at a tree has found nothing new that is odd, except what its writer has done meanwhile. */
export function noteOne(kind: NoteKind, where: string, { since }: Source, { tally }: AdoptParts): void {
  if (since === undefined) tally.note(kind, where)
}

function endBatch({ onBatch, signal }: AdoptParts): void {
  signal?.throwIfAborted()
  onBatch()
}
