import assert from 'node:assert/strict'

/** Known state of a thing: `maybe` if the server died while it was changed. */
type Presence = 'present' | 'absent' | 'maybe'

/** A blob in one repository. Equal content in two repositories is two entries. */
export interface BlobEntry {
  readonly repository: string
  readonly digest: string
  /** Name and size from which its bytes are made again. */
  readonly name: string
  readonly size: number
  presence: Presence
  /** True while a client changes it, or names it in a manifest. */
  isTaken: boolean
  /** Round of the last change. */
  round: number
}

/** A manifest in one repository; only the client that made it changes it. */
export interface ManifestEntry {
  readonly repository: string
  readonly digest: string
  readonly bytes: Buffer
  readonly blobs: readonly BlobEntry[]
  presence: Presence
  round: number
}

/** A tag and its possible targets, undefined for none. More than one if the server died during a change. */
export interface TagEntry {
  readonly repository: string
  readonly name: string
  possible: readonly (ManifestEntry | undefined)[]
}

/** An upload session that its client will go on with. */
export interface SessionEntry {
  readonly repository: string
  readonly location: string
  readonly name: string
  readonly size: number
  readonly digest: string
  /** Bytes that the server has acknowledged. */
  offset: number
  /** True if the last request was under way when the server died: the session may have ended. */
  isFinishing: boolean
}

/** All acknowledged changes, and those under way. */
export class Ledger {
  readonly blobs: BlobEntry[] = []
  readonly manifests: ManifestEntry[] = []
  readonly tags: TagEntry[] = []
  sessions: SessionEntry[] = []
  round = 0
  /** Requests that were answered, by kind: shows that a run did something. */
  readonly done: Record<string, number> = {}

  /** The entry of a blob, made if there is none. */
  blob(content: { repository: string; digest: string; name: string; size: number }): BlobEntry {
    const known = this.blobs.find(
      (entry) => entry.repository === content.repository && entry.digest === content.digest,
    )
    if (known) return known
    const entry: BlobEntry = { ...content, presence: 'absent', isTaken: false, round: this.round }
    this.blobs.push(entry)
    return entry
  }

  /** The tag of this name, made if there is none. */
  tag(repository: string, name: string): TagEntry {
    const known = this.tags.find((entry) => entry.repository === repository && entry.name === name)
    if (known) return known
    const entry: TagEntry = { repository, name, possible: [undefined] }
    this.tags.push(entry)
    return entry
  }

  count(kind: string): void {
    this.done[kind] = (this.done[kind] ?? 0) + 1
  }
}

/** Sets the presence of a thing as found after a restart. Errors: it contradicts what was acknowledged. */
export function settle(
  entry: { presence: Presence; readonly digest: string; readonly repository: string },
  isThere: boolean,
): void {
  const seen = isThere ? 'present' : 'absent'
  if (entry.presence !== 'maybe') {
    assert.equal(
      seen,
      entry.presence,
      `${entry.repository}@${entry.digest} was acknowledged as ${entry.presence}`,
    )
  }
  entry.presence = seen
}
