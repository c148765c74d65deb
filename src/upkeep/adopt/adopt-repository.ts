import type { FoundLink, FoundTag, LinkBatch, LinkReader, LinkTree, Oddity } from '../../blobs/link-tree.ts'
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

/** Takes over a repository: first blobs, then manifests that name them, then tags. */
export async function adoptRepository(source: Source, parts: AdoptParts): Promise<void> {
  await adoptBlobs(source, parts)
  await adoptManifests(source, parts)
  await adoptTags(source, parts)
  if (source.since === undefined)
    for await (const batch of source.reader.listUploads(source.name)) noteAll(batch.oddities, source, parts)
  await parts.facts.queueUnneeded(source.name)
  parts.tally.repositories += source.since === undefined ? 1 : 0
}

async function adoptBlobs(source: Source, parts: AdoptParts): Promise<void> {
  const { reader, name, since } = source
  const { facts, tally } = parts
  for await (const batch of reader.listBlobs(name, { since })) {
    noteAll(batch.oddities, source, parts)
    const { unknown, knownCount } = await dropKnown(batch, (digests) => facts.findKnownBlobs(name, digests))
    const blobs = await sizeBlobs(unknown, source, parts)
    const outcomes = await facts.adoptBlobs(name, blobs)
    outcomes.forEach((outcome, at) => {
      if (outcome === 'being-removed') noteOne(outcome, `${name}@${blobs[at]?.digest}`, source, parts)
      else tally.blobs[outcome]++
    })
    endBatch(parts)
    if (since === undefined) tally.blobs.known += knownCount
  }
}

export async function sizeBlobs(
  links: readonly FoundLink[],
  source: Source,
  parts: AdoptParts,
): Promise<AdoptedBlob[]> {
  const sizes = await parts.tree.sizesOf(links.map(({ target }) => target))
  const blobs: AdoptedBlob[] = []
  for (const [index, link] of links.entries()) {
    const size = sizes[index]
    const where = `${source.name}@${link.digest}`
    if (typeof size !== 'number') noteOne(size?.kind ?? 'missing-blob', where, source, parts)
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
 * An index is taken over after its children, and the list of links has no order: so it is gone through again as long as that brings
 * something, and a last time for those that stay incomplete.
 */
async function adoptManifests(source: Source, parts: AdoptParts): Promise<void> {
  let isFirst = true
  for (let takesIncomplete = false; ; isFirst = false) {
    const pass = await passManifests(source, parts, takesIncomplete)
    if (isFirst && source.since === undefined) parts.tally.manifests.known += pass.known
    if (pass.lacking === 0 || takesIncomplete) {
      for (const { kind, where } of pass.notes) noteOne(kind, where, source, parts)
      return
    }
    takesIncomplete = pass.adopted === 0
  }
}

interface ManifestPass {
  adopted: number
  known: number
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
  const pass: ManifestPass = { adopted: 0, known: 0, lacking: 0, notes: [] }
  const note = (kind: NoteKind, where: string): void => {
    if (pass.notes.length < MAX_NOTES) pass.notes.push({ kind, where })
  }
  const rules: AdoptManifestRules = { takesIncomplete, isSparseAllowed }
  for await (const batch of reader.listManifests(name, { since })) {
    for (const { kind, where } of batch.oddities) note(kind, where)
    const { unknown, knownCount } = await dropKnown(batch, (digests) =>
      facts.findKnownManifests(name, digests),
    )
    pass.known += knownCount
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

export const NOTE_OF: Readonly<Partial<Record<ManifestOutcome['kind'], NoteKind>>> = {
  lacking: 'lacking-content',
  missized: 'missized-content',
  'deleted-here': 'deleted-here',
  'being-removed': 'being-removed',
}

export async function readManifests(
  links: readonly FoundLink[],
  {
    name,
    note,
    tree,
  }: { name: RepositoryName; note: (kind: NoteKind, where: string) => void; tree: LinkTree },
): Promise<AdoptedManifest[]> {
  const read = await tree.readManifests(links.map(({ target }) => target))
  const manifests: AdoptedManifest[] = []
  for (const [index, link] of links.entries()) {
    const bytes = read[index]
    const where = `${name}@${link.digest}`
    if (!Buffer.isBuffer(bytes)) note(bytes?.kind ?? 'missing-blob', where)
    else if (!(await hasBytes(link, tree))) note('wrong-link', where)
    else {
      const manifest = readStoredManifest(bytes)
      if (typeof manifest === 'string') note('unsupported-manifest', `${where}: ${manifest}`)
      else manifests.push({ digest: link.digest, bytes, manifest, at: link.at })
    }
  }
  return manifests
}

async function adoptTags(source: Source, parts: AdoptParts): Promise<void> {
  const { name, reader, since } = source
  for await (const batch of reader.listTags(name, { since })) {
    noteAll(batch.oddities, source, parts)
    const outcomes = await parts.facts.adoptTags(name, batch.found, ADOPTED_BY)
    outcomes.forEach((outcome, at) => {
      countTag(outcome, batch.found[at], { source, parts })
    })
    endBatch(parts)
  }
}

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

export async function dropKnown(
  { found }: LinkBatch<FoundLink>,
  findKnown: (digests: readonly Digest[]) => Promise<Set<Digest>>,
): Promise<{ unknown: FoundLink[]; knownCount: number }> {
  const known = await findKnown(found.map(({ digest }) => digest))
  return { unknown: found.filter(({ digest }) => !known.has(digest)), knownCount: known.size }
}

function noteAll(oddities: readonly Oddity[], source: Source, parts: AdoptParts): void {
  for (const { kind, where } of oddities) noteOne(kind, where, source, parts)
}

/** The second look at a tree has found nothing new that is odd, except what its writer has done meanwhile. */
export function noteOne(kind: NoteKind, where: string, { since }: Source, { tally }: AdoptParts): void {
  if (since === undefined) tally.note(kind, where)
}

function endBatch({ onBatch, signal }: AdoptParts): void {
  signal?.throwIfAborted()
  onBatch()
}
