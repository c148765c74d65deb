import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/**
 * Facts of the Distribution registry, which keeps them as links beside the blobs: which repository has which blobs,
 * manifests and tags. Only a store in files has them.
 */

/** Kinds of what cannot be taken over, by which a report counts. */
export type OddityKind =
  /** A link that is empty or not a digest, as after a crash of Distribution. */
  | 'torn-link'
  /** A link whose content is not the digest of its folder. */
  | 'wrong-link'
  /** A link to content that is not stored. */
  | 'missing-blob'
  /** A symbolic link, which may lead out of the folder. */
  | 'symbolic-link'
  /** A file or folder that is none of Distribution's. */
  | 'foreign-file'
  /** A folder whose name is no repository's, such as one with capitals. */
  | 'wrong-name'
  /** A folder whose name is no tag's. */
  | 'wrong-tag'
  /** A folder of an algorithm or a digest that is none. */
  | 'wrong-digest'
  /** An upload that Distribution has not finished. */
  | 'unfinished-upload'
  /** A file or folder that the system does not let this user read. */
  | 'unreadable'
  /** A stored manifest that has other bytes than its digest says. */
  | 'damaged-manifest'
  /** A manifest above the largest size. */
  | 'large-manifest'

/** Something that cannot be taken over. */
export interface Oddity {
  readonly kind: OddityKind
  /** Its place below the folder of the links, or a digest. */
  readonly where: string
}

/** A link of a repository to content. */
export interface FoundLink {
  readonly digest: Digest
  /** The digest under which the bytes are stored: another one if they were pushed by an algorithm that Distribution does not use. */
  readonly target: Digest
  /** Time at which the link was written, in milliseconds since 1970. */
  readonly at: number
}

/** A link to a blob. */
export interface FoundBlob extends FoundLink {
  /** Size of its bytes, or why there are none; undefined: not looked at. */
  readonly size?: number | OddityKind | undefined
}

/** A link to a manifest. */
export interface FoundManifest extends FoundLink {
  /** Its bytes, which have the digest of `target`, or why there are none; undefined: not looked at. */
  readonly content?: Uint8Array | OddityKind | undefined
}

/** A tag. */
export interface FoundTag {
  readonly name: Tag
  readonly digest: Digest
  /** Time at which it was pointed there, in milliseconds since 1970. */
  readonly at: number
}

/** Part of a list: at most {@link LINK_BATCH} entries, and what was found beside them. */
export interface LinkBatch<T> {
  readonly found: readonly T[]
  readonly oddities: readonly Oddity[]
}

/** Entries of one batch: as many as one query has. */
export const LINK_BATCH = 500

/** Step in the reading of a whole tree: a repository, what is in it, batch by batch, and then the next one. */
export type TreePart =
  | { readonly kind: 'oddity'; readonly oddity: Oddity }
  | { readonly kind: 'repository'; readonly name: RepositoryName }
  | ({ readonly kind: 'blobs' } & LinkBatch<FoundBlob>)
  | ({ readonly kind: 'manifests' } & LinkBatch<FoundManifest>)
  | ({ readonly kind: 'tags' } & LinkBatch<FoundTag>)
  | ({ readonly kind: 'uploads' } & LinkBatch<never>)

/** Selection of links. */
export interface LinkSelection {
  /** Leaves out most of those that were written before, in milliseconds since 1970, without reading them. */
  readonly since?: number | undefined
}

/** Selection of what is read of a whole tree. */
export interface TreeSelection extends LinkSelection {
  /** True: sizes and manifests are read, too; without it the links alone, which is for content that is known already. */
  readonly readsContent: boolean
}

/** States of a tree of links, each of which has a name of its own. */
export type TreeState =
  /** In Distribution's place: it may be at work there. */
  | 'in-use'
  /** Being taken over: Distribution does not find it any more. */
  | 'adopting'
  /** Taken over. */
  | 'adopted'
  /** Being written for Distribution. */
  | 'leaving'

/** The lists of links of a repository, by their kinds. */
export interface LinkLists {
  readonly blobs: FoundLink
  readonly manifests: FoundLink
  readonly tags: FoundTag
}

/** Reads links. Lists come in no order, and memory does not depend on their lengths. */
export interface LinkReader {
  /** Names of repositories, and what is none. */
  listRepositories(): AsyncIterable<RepositoryName | Oddity>
  /** Links to manifests. */
  listManifests(repository: RepositoryName, selection?: LinkSelection): AsyncIterable<LinkBatch<FoundLink>>
  listTags(repository: RepositoryName, selection?: LinkSelection): AsyncIterable<LinkBatch<FoundTag>>
  /** Names in a list, digests or tags, without reading their links. A selection leaves out digests only. */
  listNames(
    repository: RepositoryName,
    kind: keyof LinkLists,
    selection?: LinkSelection,
  ): AsyncIterable<readonly string[]>
  /** The links of some names in a list; those that are torn or gone are left out. */
  readLinks<K extends keyof LinkLists>(
    repository: RepositoryName,
    kind: K,
    names: readonly string[],
  ): Promise<LinkLists[K][]>
}

/** A link to be written. */
export type WrittenLink = Pick<FoundLink, 'digest' | 'at'>

/**
 * Writes links for Distribution; none of them is durable before {@link LinkTree.sync}. A link that is there already, with the same
 * content, is not written again. Each returns the number of links that it wrote or removed.
 */
export interface LinkWriter {
  writeBlobs(repository: RepositoryName, links: readonly WrittenLink[]): Promise<number>
  writeManifests(repository: RepositoryName, links: readonly WrittenLink[]): Promise<number>
  writeTags(repository: RepositoryName, tags: readonly FoundTag[]): Promise<number>
  removeBlobs(repository: RepositoryName, digests: readonly Digest[]): Promise<number>
  removeManifests(repository: RepositoryName, digests: readonly Digest[]): Promise<number>
  removeTags(repository: RepositoryName, names: readonly Tag[]): Promise<number>
  /** Removes the folders of a repository in which nothing is left. */
  prune(repository: RepositoryName): Promise<void>
}

/** The links beside the blobs of one place. */
export interface LinkTree {
  /** Name of the tree in Distribution's place, for messages. */
  readonly name: string
  /** States in which there is a tree. */
  states(): Promise<TreeState[]>
  /** The tree of a state. */
  read(state: TreeState): LinkReader
  /** Reads a whole tree, some of it ahead: blobs of a repository, then its manifests, then its tags, then its uploads. */
  readAll(state: TreeState, selection: TreeSelection): AsyncIterable<TreePart>
  /**
   * Moves a tree from one state to another; after it the move is durable. One that has that state already is kept under another
   * name, which is returned. Errors: those of the system.
   */
  move(from: TreeState, to: TreeState): Promise<string | undefined>
  /** The tree of a state, which is made if there is none. */
  write(state: TreeState): Promise<LinkWriter>
  /**
   * Makes all that was written durable. Errors: those of the system. The links are not relied on then: the next
   * {@link write} writes each again.
   */
  sync(): Promise<void>
  /** Begins to write to the disk, so that {@link sync} has less to do. An error is that of the next {@link sync}. */
  beginSync(): void
  /** Time at which links were last written for Distribution, by {@link markLeft}, in ms; undefined: those in its place are its own. */
  findLeft(): Promise<number | undefined>
  /** Records that the links in Distribution's place were written for it just now, or that they are not. */
  markLeft(isLeft: boolean): Promise<void>
  /** False: not one blob is stored, as where their disk is not mounted. */
  hasBlobs(): Promise<boolean>
  /** Sizes of stored blobs in bytes, in the order of their digests, or why there is none. */
  sizesOf(digests: readonly Digest[]): Promise<(number | OddityKind)[]>
  /** Bytes of stored manifests, compared with their digests, in their order, or why there are none. */
  readManifests(digests: readonly Digest[]): Promise<(Uint8Array | OddityKind)[]>
  /** Stores the bytes of `target` under `digest`, too, if they have it; false if they do not. */
  storeUnder(digest: Digest, target: Digest): Promise<boolean>
}
