import type { LinkBatch, LinkReader, Oddity, TreePart } from '../../blobs/link-tree.ts'
import type {
  AdoptedRepository,
  BlobOutcome,
  ManifestOutcome,
  RepositoryOutcome,
} from '../../metadata/adopt-facts.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { NoteKind } from './adopt-report.ts'
import {
  ADOPTED_BY,
  type AdoptParts,
  countTag,
  dropKnown,
  NOTE_OF,
  noteOne,
  readManifests,
  retryManifests,
  type Source,
  sizeBlobs,
} from './adopt-repository.ts'
import { isDeleted } from './is-deleted.ts'

/** Bytes of manifests of one transaction, and held in memory. */
const MAX_BYTES = 16 * 1024 * 1024
/** Notes about the manifests of one repository that are kept until it is read: of more only the number would be of use. */
const MAX_NOTES = 10_000

type Note = { readonly kind: NoteKind; readonly where: string }

/** Content that was read, and is to be recorded. */
interface Unit extends AdoptedRepository {
  readonly blobs: AdoptedRepository['blobs'][number][]
  readonly manifests: AdoptedRepository['manifests'][number][]
  readonly tags: AdoptedRepository['tags'][number][]
  readonly of: Current
}

/** The repository that is being read. */
interface Current {
  readonly source: Source
  /** Notes about its manifests, which a repeated look at them replaces. */
  manifestNotes: Note[]
  unit: Unit
  /** True: a part of it was recorded before the rest was read. */
  isSplit: boolean
  /** True: it had content before. */
  hasKnown: boolean
  /** Manifests of a part that lack content, which may be in a later part. */
  lacking: number
  /** True: its manifests were looked at for the last time. */
  isSettled: boolean
}

/** Dependencies of the takeover of a tree. */
interface TakeoverOptions {
  readonly parts: AdoptParts
  readonly reader: LinkReader
  readonly since: number | undefined
}

/**
 * Takes over the parts of a tree. Repositories are put together to transactions, as each of them waits for the disk; one that
 * is larger than a transaction is split.
 */
export class Takeover {
  readonly #parts: AdoptParts
  readonly #options: TakeoverOptions
  #waiting: Unit[] = []
  #size: Size = NOTHING
  #maxEntries: number
  #closed: Current[] = []
  #current: Current | undefined

  constructor(options: TakeoverOptions) {
    this.#options = options
    this.#parts = options.parts
    this.#maxEntries = options.parts.maxEntries()
  }

  /** Takes the next part. */
  async take(part: TreePart): Promise<void> {
    if (part.kind === 'oddity') this.#noteAll([part.oddity])
    else if (part.kind === 'repository') {
      await this.#close()
      await this.#begin(part.name)
    } else if (this.#current) {
      await this.#add(part, this.#current)
      await this.#makeRoom(this.#current)
    }
  }

  /** Records what is left. */
  async end(): Promise<void> {
    await this.#close()
    await this.#flush()
  }

  async #begin(name: RepositoryName): Promise<void> {
    const { reader, since } = this.#options
    const source: Source = { reader, name, since }
    if (await isDeleted(source, this.#parts.facts)) {
      noteOne('deleted-here', name, source, this.#parts)
      return
    }
    if (since === undefined) this.#parts.tally.repositories++
    const state = { isSplit: false, hasKnown: false, lacking: 0, isSettled: false }
    const current = { ...state, source, manifestNotes: [] } as Omit<Current, 'unit'>
    this.#current = Object.assign(current, { unit: createUnit(current as Current) })
  }

  async #close(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    if (!current) return
    if (current.isSplit) await this.#settle(current)
    this.#wait(current.unit)
    this.#closed.push(current)
    if (!this.#hasRoom(this.#size)) await this.#flush()
  }

  #wait(unit: Unit): void {
    sortContent(unit)
    this.#waiting.push(unit)
    this.#size = sum(this.#size, sizeOf(unit))
  }

  async #add(part: Exclude<TreePart, { kind: 'oddity' | 'repository' }>, current: Current): Promise<void> {
    const { source } = current
    switch (part.kind) {
      case 'blobs':
        this.#noteAll(part.oddities)
        current.unit.blobs.push(...(await this.#readBlobs(part, current)))
        break
      case 'manifests':
        current.unit.manifests.push(...(await this.#readManifests(part, current)))
        break
      case 'tags':
        this.#noteAll(part.oddities)
        if (current.isSplit) await this.#settle(current)
        current.unit.tags.push(...part.found)
        break
      case 'uploads':
        if (source.since === undefined) this.#noteAll(part.oddities)
    }
  }

  async #readBlobs(batch: LinkBatch<TreePartOf<'blobs'>>, current: Current) {
    const { facts, tally } = this.#parts
    const { name, since } = current.source
    const { unknown, knownCount } = await dropKnown(batch, (digests) => facts.findKnownBlobs(name, digests))
    if (knownCount > 0) current.hasKnown = true
    if (since === undefined) tally.blobs.known += knownCount
    return sizeBlobs(unknown, current.source, this.#parts)
  }

  async #readManifests(batch: LinkBatch<TreePartOf<'manifests'>>, current: Current) {
    const { facts, tally, tree } = this.#parts
    const { name, since } = current.source
    const note = (kind: NoteKind, where: string): void => noteManifest(current, { kind, where })
    for (const { kind, where } of batch.oddities) note(kind, where)
    const { unknown, knownCount } = await dropKnown(batch, (digests) =>
      facts.findKnownManifests(name, digests),
    )
    if (knownCount > 0) current.hasKnown = true
    if (since === undefined) tally.manifests.known += knownCount
    return readManifests(unknown, { name, note, tree })
  }

  /** Records what is read if it fills a transaction; of the repository that is being read only if it fills one alone. */
  async #makeRoom(current: Current): Promise<void> {
    const size = sizeOf(current.unit)
    if (this.#hasRoom(sum(this.#size, size))) return
    if (this.#hasRoom(size)) await this.#flush()
    else await this.#split(current)
  }

  async #split(current: Current): Promise<void> {
    current.isSplit = true
    this.#wait({ ...current.unit, isWhole: false })
    current.unit = createUnit(current)
    await this.#flush()
  }

  /** Looks again at the manifests of a repository whose parts lacked some of its content: before its tags, which need them. */
  async #settle(current: Current): Promise<void> {
    if (current.isSettled) return
    await this.#split(current)
    current.isSettled = true
    if (current.lacking > 0) {
      current.manifestNotes = []
      await retryManifests(current.source, this.#parts)
    }
  }

  /** False if so much fills a transaction. */
  #hasRoom({ entries, bytes }: Size): boolean {
    return entries < this.#maxEntries && bytes < MAX_BYTES
  }

  async #flush(): Promise<void> {
    const { facts, isSparseAllowed, signal, onBatch } = this.#parts
    const waiting = this.#waiting.filter(
      ({ blobs, manifests, tags }) => blobs.length + manifests.length + tags.length > 0,
    )
    this.#waiting = []
    this.#size = NOTHING
    signal?.throwIfAborted()
    if (waiting.length > 0) {
      const outcomes = await facts.adoptRepositories(waiting, { isSparseAllowed, by: ADOPTED_BY })
      for (const [at, unit] of waiting.entries()) this.#count(unit, outcomes[at])
    }
    for (const current of this.#closed) await this.#finish(current)
    this.#closed = []
    this.#maxEntries = this.#parts.maxEntries()
    onBatch()
  }

  /** Content recorded in several transactions, perhaps of an earlier run, is queued at their end if nothing names it. */
  async #finish({ source, isSplit, hasKnown, manifestNotes }: Current): Promise<void> {
    for (const { kind, where } of manifestNotes) noteOne(kind, where, source, this.#parts)
    if (isSplit || (hasKnown && source.since === undefined))
      await this.#parts.facts.queueUnneeded(source.name)
  }

  #count(unit: Unit, outcome: RepositoryOutcome | undefined): void {
    if (!outcome) return
    const { source } = unit.of
    for (const [at, result] of outcome.blobs.entries())
      this.#countBlob(result, `${unit.name}@${unit.blobs[at]?.digest}`, source)
    for (const [at, result] of outcome.manifests.entries())
      this.#countManifest(result, `${unit.name}@${unit.manifests[at]?.digest}`, unit)
    for (const [at, result] of outcome.tags.entries())
      countTag(result, unit.tags[at], { source, parts: this.#parts })
  }

  #countBlob(outcome: BlobOutcome, where: string, source: Source): void {
    if (outcome === 'being-removed') noteOne(outcome, where, source, this.#parts)
    else this.#parts.tally.blobs[outcome]++
  }

  #countManifest(outcome: ManifestOutcome, where: string, { of, isWhole }: Unit): void {
    const isIncomplete = outcome.kind === 'incomplete'
    if (isIncomplete || outcome.kind === 'adopted') this.#parts.tally.manifests.adopted++
    if (!isWhole && outcome.kind === 'lacking') of.lacking++
    const kind = isIncomplete ? 'incomplete-index' : NOTE_OF[outcome.kind]
    const why = 'missing' in outcome ? `, ${outcome.missing}` : ''
    // An incomplete index is known when its manifests are looked at again.
    if (isIncomplete) noteOne('incomplete-index', `${where}${why}`, of.source, this.#parts)
    else if (kind !== undefined) noteManifest(of, { kind, where: `${where}${why}` })
  }

  #noteAll(oddities: readonly Oddity[]): void {
    if (this.#options.since !== undefined) return
    for (const { kind, where } of oddities) this.#parts.tally.note(kind, where)
  }
}

type TreePartOf<K extends 'blobs' | 'manifests'> = Extract<TreePart, { kind: K }>['found'][number]

interface Size {
  readonly entries: number
  readonly bytes: number
}

const NOTHING: Size = { entries: 0, bytes: 0 }

function sizeOf({ blobs, manifests, tags }: AdoptedRepository): Size {
  const bytes = manifests.reduce((all, one) => all + one.bytes.length, 0)
  return { entries: blobs.length + manifests.length + tags.length, bytes }
}

function sum(one: Size, other: Size): Size {
  return { entries: one.entries + other.entries, bytes: one.bytes + other.bytes }
}

function createUnit(of: Current): Unit {
  return { name: of.source.name, blobs: [], manifests: [], tags: [], isWhole: !of.isSplit, of }
}

/** In the order of the indexes, whose pages are then each changed once for many entries: lists of links have none. */
function sortContent({ blobs, manifests, tags }: Unit): void {
  blobs.sort((one, other) => (one.digest < other.digest ? -1 : 1))
  manifests.sort((one, other) => (one.digest < other.digest ? -1 : 1))
  tags.sort((one, other) => (one.name < other.name ? -1 : 1))
}

function noteManifest({ manifestNotes }: Current, note: Note): void {
  if (manifestNotes.length < MAX_NOTES) manifestNotes.push(note)
}
