import { LINK_BATCH, type LinkReader, type LinkTree, type LinkWriter } from '../../blobs/link-tree.ts'
import type { AdoptFacts } from '../../metadata/adopt-facts.ts'
import type { LeaveFacts, LeavePage } from '../../metadata/leave-facts.ts'
import { algorithmOf, type Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

/** Repositories listed at once. */
const REPOSITORY_PAGE = 1_000
/** Links after which the system begins to write them to the disk, which takes as long as a second or two of writing them. */
const SYNC_EVERY = 20_000

/** Numbers of links. */
interface LinkCounts {
  blobs: number
  manifests: number
  tags: number
}

/** Result of a departure. */
export interface LeaveReport {
  readonly repositories: number
  /** All links that there are now. */
  readonly held: Readonly<LinkCounts>
  /** Links that were not there, or had another content. */
  readonly written: Readonly<LinkCounts>
  /** Links to what is no longer in Berth. */
  readonly removed: Readonly<LinkCounts>
  /** Manifests that refer to another one: Distribution serves them by their digest, and has no list of them. */
  readonly referrers: number
  /** Blobs and manifests by sha512. */
  readonly sha512: number
  /** A tree of Distribution's own that was in the place, and nothing needs any more. */
  readonly formerTree: string | undefined
}

/** State of a departure under way. */
export interface LeaveProgress {
  readonly repository: RepositoryName
  readonly repositories: number
  readonly manifests: number
  readonly tags: number
}

/** Dependencies and options of a departure. */
interface LeaveOptions {
  readonly tree: LinkTree
  readonly facts: LeaveFacts
  readonly known: Pick<AdoptFacts, 'findKnownBlobs' | 'findKnownManifests' | 'previewTags'>
  readonly onProgress: (progress: LeaveProgress) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes the links of all content for Distribution. They are written apart from its place, and moved there at the end, so
 * that it never finds a part of them. It can be ended at any point and run again. What Distribution has written itself must have been taken over
 * before.
 */
export async function leaveTree(options: LeaveOptions): Promise<LeaveReport> {
  const { tree } = options
  const states = await tree.states()
  const isResumed = states.includes('leaving')
  const leftAt = await tree.findLeft()
  let formerTree: string | undefined
  if (!isResumed && states.includes('in-use') && leftAt !== undefined) await tree.move('in-use', 'leaving')
  // Another tree than that of the last departure: what is in it then is of this one alone.
  else if (!isResumed) await tree.markLeft(false)
  const since = isResumed || states.includes('in-use') ? leftAt : undefined
  const work = new Departure(options, await tree.write('leaving'), since)
  await work.write()
  // All links of a new tree were written just now.
  if (isResumed || since !== undefined) await work.remove(tree.read('leaving'))
  await tree.sync()
  if ((await tree.states()).includes('in-use')) {
    formerTree = await tree.move('in-use', 'adopted')
  }
  await tree.move('leaving', 'in-use')
  await tree.markLeft(true)
  return { ...work.report(), formerTree }
}

/** One run. */
class Departure {
  readonly #options: LeaveOptions
  readonly #writer: LinkWriter
  readonly #leftAt: number
  #repositories = 0
  /** Links written since the last sync was begun. */
  #unsynced = 0
  #referrers = 0
  #sha512 = 0
  readonly #held: LinkCounts = { blobs: 0, manifests: 0, tags: 0 }
  readonly #written: LinkCounts = { blobs: 0, manifests: 0, tags: 0 }
  readonly #removed: LinkCounts = { blobs: 0, manifests: 0, tags: 0 }

  constructor(options: LeaveOptions, writer: LinkWriter, leftAt: number | undefined) {
    this.#options = options
    this.#writer = writer
    this.#leftAt = leftAt ?? Number.POSITIVE_INFINITY
  }

  report(): Omit<LeaveReport, 'formerTree'> {
    return {
      repositories: this.#repositories,
      held: { ...this.#held },
      written: { ...this.#written },
      removed: { ...this.#removed },
      referrers: this.#referrers,
      sha512: this.#sha512,
    }
  }

  /** Writes what is not there: manifests after their blobs, and tags after their manifests. */
  async write(): Promise<void> {
    const { facts } = this.#options
    const names = readPages(
      REPOSITORY_PAGE,
      (name: RepositoryName) => name,
      (page) => facts.listHolders(page),
    )
    for await (const page of names) for (const name of page) await this.#writeRepository(name)
  }

  async #writeRepository(name: RepositoryName): Promise<void> {
    const { facts } = this.#options
    const digestOf = ({ digest }: { digest: Digest }): string => digest
    for await (const page of readPages(LINK_BATCH, digestOf, (at) => facts.listBlobs(name, at))) {
      this.#count('blobs', page.length, await this.#writer.writeBlobs(name, page))
      this.#countAlgorithms(page)
      this.#endBatch(name)
    }
    for await (const page of readPages(LINK_BATCH, digestOf, (at) => facts.listManifests(name, at))) {
      this.#count('manifests', page.length, await this.#writer.writeManifests(name, page))
      this.#countAlgorithms(page)
      this.#referrers += page.filter(({ hasSubject }) => hasSubject).length
      this.#endBatch(name)
    }
    const tags = readPages(
      LINK_BATCH,
      (tag: { name: string }) => tag.name,
      (at) => facts.listTags(name, at),
    )
    for await (const page of tags) {
      this.#count('tags', page.length, await this.#writer.writeTags(name, page))
      this.#endBatch(name)
    }
    this.#repositories++
  }

  /**
   * Removes links to what Berth does not hold, unless Distribution has written them since the last departure: those are the ones that
   * could not be taken over.
   */
  async remove(reader: LinkReader): Promise<void> {
    const { known } = this.#options
    for await (const name of reader.listRepositories()) {
      if (typeof name !== 'string') continue
      const before = { ...this.#removed }
      await this.#removeTags(name, reader)
      for await (const names of reader.listNames(name, 'manifests')) {
        const held = await known.findKnownManifests(name, names as readonly Digest[])
        const gone = await this.#findGone(reader, { name, kind: 'manifests', names, held })
        this.#removed.manifests += await this.#writer.removeManifests(name, gone)
        this.#endBatch(name)
      }
      for await (const names of reader.listNames(name, 'blobs')) {
        const held = await known.findKnownBlobs(name, names as readonly Digest[])
        const gone = await this.#findGone(reader, { name, kind: 'blobs', names, held })
        this.#removed.blobs += await this.#writer.removeBlobs(name, gone)
        this.#endBatch(name)
      }
      const { blobs, manifests, tags } = this.#removed
      if (blobs + manifests + tags > before.blobs + before.manifests + before.tags)
        await this.#writer.prune(name)
    }
  }

  async #removeTags(name: RepositoryName, reader: LinkReader): Promise<void> {
    const { facts, known } = this.#options
    for await (const names of reader.listNames(name, 'tags')) {
      const held = await facts.findTags(name, names as readonly Tag[])
      const links = await reader.readLinks(name, 'tags', namesNotIn(names, held))
      const outcomes = await known.previewTags(name, links)
      const gone = links.filter((tag, at) => {
        const outcome = outcomes[at]
        return outcome === 'deleted-here' || (outcome === 'adopted' && tag.at <= this.#leftAt)
      })
      const goneNames = gone.map(({ name: tag }) => tag)
      this.#removed.tags += await this.#writer.removeTags(name, goneNames)
      this.#endBatch(name)
    }
  }

  async #findGone(reader: LinkReader, { name, kind, names, held }: Candidates): Promise<Digest[]> {
    const links = await reader.readLinks(name, kind, namesNotIn(names, held))
    return links.filter(({ at }) => at <= this.#leftAt).map(({ digest }) => digest)
  }

  #count(kind: keyof LinkCounts, held: number, written: number): void {
    this.#held[kind] += held
    this.#written[kind] += written
    this.#unsynced += written
    if (this.#unsynced < SYNC_EVERY) return
    this.#unsynced = 0
    this.#options.tree.beginSync()
  }

  #countAlgorithms(page: readonly { readonly digest: Digest }[]): void {
    this.#sha512 += page.filter(({ digest }) => algorithmOf(digest) === 'sha512').length
  }

  #endBatch(repository: RepositoryName): void {
    const { signal, onProgress } = this.#options
    signal?.throwIfAborted()
    const { manifests, tags } = this.#held
    onProgress({ repository, repositories: this.#repositories, manifests, tags })
  }
}

/** Names in a list of links, and those that Berth holds. */
interface Candidates {
  readonly name: RepositoryName
  readonly kind: 'blobs' | 'manifests'
  readonly names: readonly string[]
  readonly held: ReadonlySet<string>
}

function namesNotIn(names: readonly string[], held: ReadonlySet<string>): string[] {
  return names.filter((name) => !held.has(name))
}

/** All pages of a list. */
async function* readPages<T>(
  limit: number,
  keyOf: (item: T) => string,
  read: (page: LeavePage) => Promise<T[]>,
): AsyncGenerator<T[]> {
  for (let after = ''; ; ) {
    const page = await read({ after, limit })
    const last = page.at(-1)
    if (last === undefined) return
    yield page
    after = keyOf(last)
  }
}
