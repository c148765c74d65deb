import type { OddityKind } from '../../blobs/link-tree.ts'

/** Kinds of what a takeover reports: oddities of the tree, and what its content means for the facts. */
export type NoteKind =
  | OddityKind
  /** A manifest of schema 1, of an unknown type, or no JSON. */
  | 'unsupported-manifest'
  /** A manifest whose layers, config or children are not in the repository. */
  | 'lacking-content'
  /** A manifest that states another size than the stored content has. */
  | 'missized-content'
  /** An index that lacks some of its images: it is taken over, and those cannot be pulled. */
  | 'incomplete-index'
  /** A tag that points at a manifest that is not taken over. */
  | 'tag-without-manifest'
  /** A tag that pointed at another manifest in Berth, since an earlier time: it is moved. */
  | 'tag-moved'
  /** A tag that points at another manifest in Berth, since a later time: it stays. */
  | 'tag-kept'
  /** A tag or manifest that was deleted in Berth after it was pushed there. */
  | 'deleted-here'
  /** Content whose bytes Berth is removing at the moment. */
  | 'being-removed'

/** Examples kept of each kind: enough to find the rest. */
const MAX_EXAMPLES = 5

/** Things of one kind. */
interface Note {
  readonly kind: NoteKind
  readonly count: number
  /** The first of them. */
  readonly examples: readonly string[]
}

/** Numbers of one sort of content. */
interface Count {
  adopted: number
  known: number
}

/** Result of a takeover. */
export interface AdoptReport {
  readonly repositories: number
  readonly blobs: Readonly<Count>
  readonly manifests: Readonly<Count>
  readonly tags: Readonly<Count>
  readonly notes: readonly Note[]
}

/** Counts while a takeover runs. */
export class Tally {
  repositories = 0
  readonly blobs: Count = { adopted: 0, known: 0 }
  readonly manifests: Count = { adopted: 0, known: 0 }
  readonly tags: Count = { adopted: 0, known: 0 }
  /** True: the folder of all repositories is a link, a file, or cannot be read. */
  #isTopOdd = false
  readonly #notes = new Map<NoteKind, { count: number; examples: string[] }>()

  note(kind: NoteKind, where: string): void {
    if (where === '' || where === '.') this.#isTopOdd = true
    const note = this.#notes.get(kind) ?? { count: 0, examples: [] }
    this.#notes.set(kind, note)
    note.count++
    if (note.examples.length < MAX_EXAMPLES) note.examples.push(where)
  }

  /** True: content was not seen, as a part could not be read, or the tree as a whole is none. */
  get isUnreadable(): boolean {
    return this.#isTopOdd || this.#notes.has('unreadable')
  }

  /** True: a link leads to content that is not stored. */
  get lacksBlobs(): boolean {
    return this.#notes.has('missing-blob')
  }

  report(): AdoptReport {
    const { repositories, blobs, manifests, tags } = this
    const notes = Array.from(this.#notes, ([kind, note]) => ({ kind, ...note }))
    notes.sort((one, other) => (one.kind < other.kind ? -1 : 1))
    return { repositories, blobs: { ...blobs }, manifests: { ...manifests }, tags: { ...tags }, notes }
  }
}
