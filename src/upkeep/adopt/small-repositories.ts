import { LINK_BATCH, type LinkBatch } from '../../blobs/link-tree.ts'
import type { AdoptedRepository, ManifestOutcome, RepositoryOutcome } from '../../metadata/adopt-facts.ts'
import type { NoteKind } from './adopt-report.ts'
import {
  ADOPTED_BY,
  type AdoptParts,
  countTag,
  dropKnown,
  NOTE_OF,
  noteOne,
  readManifests,
  type Source,
  sizeBlobs,
} from './adopt-repository.ts'

/** Entries of one transaction: others wait for it on SQLite. */
const MAX_ENTRIES = 1_500
/** Bytes of manifests of one transaction, and held in memory. */
const MAX_BYTES = 16 * 1024 * 1024

/** A repository that was read, and is to be recorded. */
interface Waiting {
  readonly source: Source
  readonly content: AdoptedRepository
  readonly notes: readonly { readonly kind: NoteKind; readonly where: string }[]
  readonly known: { readonly blobs: number; readonly manifests: number }
}

/** Takes over small repositories, many in one transaction: each is durable, which takes longer than all else. */
export class SmallRepositories {
  readonly #parts: AdoptParts
  readonly #waiting: Waiting[] = []
  #entries = 0
  #bytes = 0

  constructor(parts: AdoptParts) {
    this.#parts = parts
  }

  /** False if the repository is not small. */
  async add(source: Source): Promise<boolean> {
    const { reader, name, since } = source
    const { facts, tree, tally } = this.#parts
    const blobs = await readOnly(reader.listBlobs(name, { since }))
    const manifests = await readOnly(reader.listManifests(name, { since }))
    const tags = await readOnly(reader.listTags(name, { since }))
    if (!blobs || !manifests || !tags) return false
    const notes: Waiting['notes'][number][] = [...blobs.oddities, ...manifests.oddities, ...tags.oddities]
    for await (const { oddities } of reader.listUploads(name)) notes.push(...oddities.slice(0, LINK_BATCH))
    const newBlobs = await dropKnown(blobs, (digests) => facts.findKnownBlobs(name, digests))
    const newManifests = await dropKnown(manifests, (digests) => facts.findKnownManifests(name, digests))
    const note = (kind: NoteKind, where: string): void => void notes.push({ kind, where })
    const content: AdoptedRepository = {
      name,
      blobs: await sizeBlobs(newBlobs.unknown, source, this.#parts),
      manifests: await readManifests(newManifests.unknown, { name, note, tree }),
      tags: tags.found,
    }
    const known = { blobs: newBlobs.knownCount, manifests: newManifests.knownCount }
    this.#waiting.push({ source, content, notes, known })
    this.#entries += content.blobs.length + content.manifests.length + content.tags.length
    for (const { bytes } of content.manifests) this.#bytes += bytes.length
    if (since === undefined) tally.repositories++
    if (this.#entries >= MAX_ENTRIES || this.#bytes >= MAX_BYTES) await this.flush()
    return true
  }

  /** Records those that wait. */
  async flush(): Promise<void> {
    const { facts, isSparseAllowed, signal, onBatch } = this.#parts
    const waiting = this.#waiting.splice(0)
    this.#entries = 0
    this.#bytes = 0
    if (waiting.length === 0) return
    const options = { isSparseAllowed, by: ADOPTED_BY }
    const contents = waiting.map(({ content }) => content)
    const outcomes = await facts.adoptRepositories(contents, options)
    for (const [at, one] of waiting.entries()) {
      const outcome = outcomes[at]
      if (outcome) this.#count(one, outcome)
    }
    signal?.throwIfAborted()
    onBatch()
  }

  #count({ source, content, notes, known }: Waiting, outcome: RepositoryOutcome): void {
    const { tally } = this.#parts
    const { name, since } = source
    for (const { kind, where } of notes) noteOne(kind, where, source, this.#parts)
    for (const [at, result] of outcome.blobs.entries()) {
      if (result === 'being-removed')
        noteOne(result, `${name}@${content.blobs[at]?.digest}`, source, this.#parts)
      else tally.blobs[result]++
    }
    for (const [at, result] of outcome.manifests.entries())
      this.#countManifest(result, `${name}@${content.manifests[at]?.digest}`, source)
    for (const [at, result] of outcome.tags.entries())
      countTag(result, content.tags[at], { source, parts: this.#parts })
    if (since !== undefined) return
    tally.blobs.known += known.blobs
    tally.manifests.known += known.manifests
  }

  #countManifest(outcome: ManifestOutcome, where: string, source: Source): void {
    const isIncomplete = outcome.kind === 'incomplete'
    if (isIncomplete || outcome.kind === 'adopted') this.#parts.tally.manifests.adopted++
    const kind = isIncomplete ? 'incomplete-index' : NOTE_OF[outcome.kind]
    const why = 'missing' in outcome ? `, ${outcome.missing}` : ''
    if (kind !== undefined) noteOne(kind, `${where}${why}`, source, this.#parts)
  }
}

/** The only batch of a list; undefined if there are more. */
async function readOnly<T>(list: AsyncIterable<LinkBatch<T>>): Promise<LinkBatch<T> | undefined> {
  let only: LinkBatch<T> | undefined
  for await (const batch of list) {
    if (only) return undefined
    only = batch
  }
  return only ?? { found: [], oddities: [] }
}
