import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { SeededRandom } from '../../support/content/seeded-random.ts'
import type { ChangeFollower, UnsyncedWrites } from './call-watch.ts'

/** Those of the system, which are not numbered. */
const {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  symlinkSync,
  writeFileSync,
} = fs

interface Range {
  readonly start: number
  readonly end: number
}

/** A file, wherever its name is. */
class FileNode {
  /** Its bytes as of the last sync. */
  durable: Buffer = Buffer.alloc(0)
  /** Ranges written since the last sync. */
  unsynced: Range[] = []
  /** Ranges that a failed sync has dropped: the system counts them as written, so that later syncs skip them. */
  dropped: Range[] = []
}

/** A symbolic link: it is made with its target at once. */
class LinkNode {
  readonly target: string

  constructor(target: string) {
    this.target = target
  }
}

/** A folder, with the entries that a cut of the power leaves. */
class FolderNode {
  readonly durable = new Map<string, PathNode>()
}

type PathNode = FileNode | FolderNode | LinkNode

/** A change of names that its folders have not been synced for; a move is one change of two folders. */
type NameChange = readonly { folder: FolderNode; name: string; node: PathNode | undefined }[]

/**
 * Model of what a disk holds for certain: bytes of files as of their last sync, names as of the last sync of their folder.
 * A file system may keep more than that, and no more may be relied on (POSIX fsync; the manual of fsync(2)).
 */
export class LostWrites implements ChangeFollower {
  readonly #root: string
  readonly #left: string | undefined
  readonly #nodes = new Map<string, PathNode>()
  #pending: NameChange[] = []

  /** Everything below `root` counts as durable. `left`: a folder there that is left out. */
  constructor(root: string, left?: string) {
    this.#root = root
    this.#left = left
    this.#read(root)
  }

  opened(path: string, flags: string): void {
    if (this.#isInside(path) && /[wa]/.test(flags) && !this.#nodes.has(path)) this.#add(path, new FileNode())
  }

  wrote(path: string, range: Range): void {
    const file = this.#nodes.get(path)
    if (!(file instanceof FileNode)) return
    file.unsynced.push(range)
    file.dropped = file.dropped.flatMap((dropped) => without(dropped, range))
  }

  synced(path: string): void {
    const node = this.#nodes.get(path)
    if (node instanceof FolderNode) this.#applyTo(node)
    if (!(node instanceof FileNode)) return
    node.unsynced = []
    node.durable = withoutRanges(readBytes(path), node.dropped)
  }

  syncedBelow(folder: string): void {
    for (const path of this.#nodes.keys()) if (`${path}/`.startsWith(`${folder}/`)) this.synced(path)
  }

  syncFailed(path: string): void {
    const node = this.#nodes.get(path)
    if (!(node instanceof FileNode)) return
    node.dropped.push(...node.unsynced)
    node.unsynced = []
  }

  madeFolder(path: string): void {
    if (this.#nodes.has(path) || !this.#isInside(path)) return
    this.madeFolder(dirname(path))
    this.#add(path, new FolderNode())
  }

  madeLink(path: string, target: string): void {
    if (this.#isInside(path)) this.#add(path, new LinkNode(target))
  }

  removed(path: string): void {
    if (!this.#nodes.has(path)) return
    this.#pending.push([{ ...this.#findPlace(path), node: undefined }])
    for (const inner of [...this.#nodes.keys()])
      if (`${inner}/`.startsWith(`${path}/`)) this.#nodes.delete(inner)
  }

  moved(from: string, to: string): void {
    const node = this.#nodes.get(from)
    if (!node) return
    this.#pending.push([
      { ...this.#findPlace(from), node: undefined },
      { ...this.#findPlace(to), node },
    ])
    for (const [path, inner] of [...this.#nodes]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#nodes.delete(path)
      this.#nodes.set(to + path.slice(from.length), inner)
    }
  }

  /** Writes what is left after a cut of the power into another folder. */
  writeTo(target: string, unsynced: Exclude<UnsyncedWrites, 'kept'>, random: SeededRandom): void {
    const kept =
      unsynced === 'lost'
        ? 0
        : unsynced === 'some'
          ? random.between(0, this.#pending.length)
          : this.#pending.length
    for (const change of this.#pending.slice(0, kept)) apply(change)
    const current = new Map<PathNode, string>()
    for (const [path, node] of this.#nodes) current.set(node, path)
    const readContent = (file: FileNode): Buffer => {
      const path = current.get(file)
      if (unsynced !== 'some' || path === undefined || file.unsynced.length === 0) return file.durable
      const bytes = withoutRanges(readBytes(path), file.dropped)
      // What was synced stays: a file that grew is cut after that.
      return random.chance(0.5)
        ? bytes.subarray(0, random.between(Math.min(file.durable.length, bytes.length), bytes.length))
        : withoutRanges(
            bytes,
            file.unsynced.filter(() => random.chance(0.5)),
          )
    }
    const write = (folder: FolderNode, path: string): void => {
      mkdirSync(path, { recursive: true })
      for (const [name, node] of folder.durable) {
        if (node instanceof FolderNode) write(node, join(path, name))
        else if (node instanceof LinkNode) symlinkSync(node.target, join(path, name))
        else writeFileSync(join(path, name), readContent(node))
      }
    }
    const root = this.#nodes.get(this.#root)
    if (root instanceof FolderNode) write(root, target)
  }

  #isInside(path: string): boolean {
    const isLeft = this.#left !== undefined && `${path}/`.startsWith(`${this.#left}/`)
    return !isLeft && path.startsWith(`${this.#root}/`)
  }

  #read(path: string): FolderNode {
    const folder = new FolderNode()
    this.#nodes.set(path, folder)
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const inner = join(path, entry.name)
      if (inner === this.#left) continue
      if (entry.isSymbolicLink()) {
        const link = new LinkNode(readlinkSync(inner))
        this.#nodes.set(inner, link)
        folder.durable.set(entry.name, link)
      } else if (entry.isDirectory()) folder.durable.set(entry.name, this.#read(inner))
      else {
        const file = new FileNode()
        file.durable = readBytes(inner)
        this.#nodes.set(inner, file)
        folder.durable.set(entry.name, file)
      }
    }
    return folder
  }

  #add(path: string, node: PathNode): void {
    this.#pending.push([{ ...this.#findPlace(path), node }])
    this.#nodes.set(path, node)
  }

  #findPlace(path: string): { folder: FolderNode; name: string } {
    const folder = this.#nodes.get(dirname(path))
    if (!(folder instanceof FolderNode)) throw new Error(`${path} was changed in a folder that is not known`)
    return { folder, name: basename(path) }
  }

  #applyTo(folder: FolderNode): void {
    const touches = (change: NameChange): boolean => change.some((one) => one.folder === folder)
    for (const change of this.#pending.filter(touches)) apply(change)
    this.#pending = this.#pending.filter((change) => !touches(change))
  }
}

/** Not by `readFileSync`, which opens the file by the function that numbers its calls. */
function readBytes(path: string): Buffer {
  const descriptor = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(fstatSync(descriptor).size)
    return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

function apply(change: NameChange): void {
  for (const { folder, name, node } of change) {
    if (node) folder.durable.set(name, node)
    else folder.durable.delete(name)
  }
}

function without(range: Range, taken: Range): Range[] {
  if (taken.end <= range.start || taken.start >= range.end) return [range]
  const parts = [
    { start: range.start, end: taken.start },
    { start: taken.end, end: range.end },
  ]
  return parts.filter(({ start, end }) => start < end)
}

/** The bytes with zeros in these ranges. */
function withoutRanges(bytes: Buffer, ranges: readonly Range[]): Buffer {
  for (const { start, end } of ranges)
    bytes.fill(0, Math.min(start, bytes.length), Math.min(end, bytes.length))
  return bytes
}
