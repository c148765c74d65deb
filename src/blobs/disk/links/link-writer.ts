import {
  chownSync,
  closeSync,
  constants,
  fchownSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Owner } from '../../../files/durable.ts'
import { algorithmOf, type Digest, hexOf } from '../../../oci/digest.ts'
import type { LinkWriter, WrittenLink } from '../../link-tree.ts'
import { systemCodeOf } from '../../storage-fault.ts'
import { readLink } from './read-link.ts'

/** As Distribution makes them, whose user may be another one. */
const FOLDER_MODE = 0o755
const FILE_MODE = 0o644
/** As by 'w', but a symbolic link in the place of the file is not followed: the folder may belong to another user than this one. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW

interface WriterOptions {
  /** Of new entries; undefined: this user. */
  readonly owner: Owner | undefined
  /** False: a link that is there may not be on the disk, and is written again. */
  readonly trustsPresent: boolean
}

/** Writes links below `top`. */
export function createLinkWriter(top: string, { owner, trustsPresent }: WriterOptions): LinkWriter {
  const made = new FolderMaker(top, owner)
  const write = (folder: string, { digest, at }: WrittenLink): number => {
    const path = `${top}/${folder}`
    if (made.make(path)) return writeNew(`${path}/link`, { digest, at }, owner)
    return replaceLink(`${path}/link`, { digest, at }, { owner, trustsPresent })
  }
  const drop = (folder: string): number => {
    rmSync(`${top}/${folder}`, { recursive: true, force: true })
    return 1
  }
  const count = <T>(items: readonly T[], act: (item: T) => number): number =>
    items.reduce((sum, item) => sum + act(item), 0)
  return {
    writeBlobs: async (name, links) =>
      count(links, (link) => write(`${name}/_layers/${toPath(link.digest)}`, link)),
    writeManifests: async (name, links) =>
      count(links, (link) => write(`${name}/_manifests/revisions/${toPath(link.digest)}`, link)),
    writeTags: async (name, tags) =>
      count(tags, (tag) => {
        const folder = `${name}/_manifests/tags/${tag.name}`
        // Most often all of them are missing: from the top down no call is in vain.
        if (made.make(`${top}/${folder}`)) {
          made.make(`${top}/${folder}/index`)
          made.make(`${top}/${folder}/index/${algorithmOf(tag.digest)}`)
        }
        write(`${folder}/index/${toPath(tag.digest)}`, tag)
        return write(`${folder}/current`, tag)
      }),
    removeBlobs: async (name, digests) =>
      count(digests, (digest) => drop(`${name}/_layers/${toPath(digest)}`)),
    removeManifests: async (name, digests) =>
      count(digests, (digest) => drop(`${name}/_manifests/revisions/${toPath(digest)}`)),
    removeTags: async (name, tags) => count(tags, (tag) => drop(`${name}/_manifests/tags/${tag}`)),
    prune: async (name) => prune(top, name),
  }
}

function toPath(digest: Digest): string {
  return `${algorithmOf(digest)}/${hexOf(digest)}`
}

/** 1 if the link was not there, or had another content. */
function replaceLink(file: string, link: WrittenLink, { owner, trustsPresent }: WriterOptions): number {
  const present = readLink(file)
  if (trustsPresent && typeof present === 'object' && present.digest === link.digest) return 0
  // A new name, so that a reader never sees half of it.
  writeNew(`${file}.new`, link, owner)
  renameSync(`${file}.new`, file)
  return 1
}

function writeNew(path: string, { digest, at }: WrittenLink, owner: Owner | undefined): number {
  const handle = openSync(path, NEW_FILE, FILE_MODE)
  try {
    writeSync(handle, digest)
    futimesSync(handle, at / 1000, at / 1000)
    if (owner) fchownSync(handle, owner.uid, owner.gid)
  } finally {
    closeSync(handle)
  }
  return 1
}

/** Makes folders with their parents; most often only the last is missing. */
class FolderMaker {
  readonly #owner: Owner | undefined
  readonly #top: string

  constructor(top: string, owner: Owner | undefined) {
    this.#top = top
    this.#owner = owner
  }

  /** False if it was there. */
  make(folder: string): boolean {
    try {
      mkdirSync(folder, FOLDER_MODE)
    } catch (error) {
      const code = systemCodeOf(error)
      if (code === 'EEXIST') return false
      if (code !== 'ENOENT' || folder.length <= this.#top.length) throw error
      this.make(dirname(folder))
      return this.make(folder)
    }
    if (this.#owner) chownSync(folder, this.#owner.uid, this.#owner.gid)
    return true
  }
}

/** Folders that are not empty stay. */
function prune(top: string, name: string): void {
  const lists = ['_layers', '_manifests/revisions'].flatMap((list) => [
    `${list}/sha256`,
    `${list}/sha512`,
    list,
  ])
  const own = [...lists, '_manifests/tags', '_manifests', '_uploads'].map((part) => `${name}/${part}`)
  const parents = name.split('/').map((_, depth, parts) => parts.slice(0, parts.length - depth).join('/'))
  for (const folder of [...own, ...parents]) {
    try {
      rmdirSync(`${top}/${folder}`)
    } catch (error) {
      if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) throw error
    }
  }
}
