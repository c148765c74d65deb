import { createHash } from 'node:crypto'
import { lstat, open, readdir, readlink, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, PRIVATE_FILE, PRIVATE_FOLDER, syncFolder } from '../../files/durable.ts'
import { isLinkInside, type StoredFile, type StoredLink } from './generation.ts'

/** Bytes read at once. */
const PIECE_BYTES = 1024 * 1024
/** Most entries of one tree, so that a folder given by mistake does not fill a backup: those of hosts are some thousands. */
const MAX_ENTRIES = 100_000

/** Writes a file for its owner alone, durably, in place of what is there. Its folder's entry is not durable yet. */
export async function writeStoredFile(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', PRIVATE_FILE)
  await file.writeFile(text)
  await file.sync()
}

/** Makes the bytes of a file durable, and hashes them. */
export async function syncAndHash(path: string): Promise<Omit<StoredFile, 'path'>> {
  await using file = await open(path, 'r+')
  await file.sync()
  return await hashOpen(file)
}

/** Size and hash of a file. Errors: those of the system. */
export async function hashFile(path: string): Promise<Omit<StoredFile, 'path'>> {
  await using file = await open(path, 'r')
  return await hashOpen(file)
}

/** Copies a file durably, for its owner alone. Returns the size and hash of the bytes that were read. */
export async function copyStoredFile(from: string, to: string): Promise<Omit<StoredFile, 'path'>> {
  await makeFolder(dirname(to), PRIVATE_FOLDER)
  await using source = await open(from, 'r')
  await using target = await open(to, 'w', PRIVATE_FILE)
  const copied = await hashOpen(source, (piece) => target.writeFile(piece))
  await target.sync()
  return copied
}

/** Makes all folders of a tree durable. */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await syncTree(join(folder, entry.name))
  await syncFolder(folder)
}

/**
 * Copies a tree of small files to `path` below `root`, durably. Links inside the tree stay links; other links are followed,
 * if they lead to a file. Sockets and the like are left out. A missing tree has no files.
 */
export async function storeTree(
  from: string,
  { root, path }: { root: string; path: string },
): Promise<(StoredFile | StoredLink)[]> {
  const stored: (StoredFile | StoredLink)[] = []
  const store = async (source: string, at: string): Promise<void> => {
    if (stored.length >= MAX_ENTRIES) throw new Error(`${from} has more than ${MAX_ENTRIES} files`)
    const facts = await lstat(source)
    if (facts.isSymbolicLink() && at !== path) {
      const link = await readlink(source)
      if (isLinkInside(at, link)) return void stored.push(await storeLink({ root, path: at, link }))
    }
    const target = facts.isSymbolicLink() ? await stat(source).catch(() => undefined) : facts
    if (target?.isFile()) {
      stored.push({ path: at, ...(await copyStoredFile(source, join(root, at))) })
    } else if (target?.isDirectory() && (at === path || !facts.isSymbolicLink())) {
      for (const name of (await readdir(source)).sort()) await store(join(source, name), `${at}/${name}`)
    }
  }
  if (await stat(from).catch(() => undefined)) await store(from, path)
  return stored
}

async function storeLink({ root, path, link }: { root: string } & StoredLink): Promise<StoredLink> {
  const place = join(root, path)
  await makeFolder(dirname(place), PRIVATE_FOLDER)
  await symlink(link, place)
  return { path, link }
}

async function hashOpen(
  file: Awaited<ReturnType<typeof open>>,
  onPiece?: (piece: Buffer) => Promise<void>,
): Promise<Omit<StoredFile, 'path'>> {
  const hash = createHash('sha256')
  const buffer = Buffer.alloc(PIECE_BYTES)
  let bytes = 0
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes)
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') }
    const piece = buffer.subarray(0, bytesRead)
    hash.update(piece)
    await onPiece?.(piece)
    bytes += bytesRead
  }
}
