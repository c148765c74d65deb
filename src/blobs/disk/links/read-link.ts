import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { type Digest, isDigest } from '../../../oci/digest.ts'
import type { Oddity, OddityKind } from '../../link-tree.ts'
import { systemCodeOf } from '../../storage-fault.ts'

/** Longest link, in bytes: more than any digest. */
const MAX_LINK_BYTES = 256
/** A pipe in the place of a link must not be waited for, and a symbolic link not be followed. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

const ABSENT = new Set(['ENOENT', 'ENOTDIR'])

/** The digest in a link file and the time it was written, in ms; undefined if there is no file: its content was deleted. */
export function readLink(path: string): { digest: Digest; at: number } | OddityKind | undefined {
  let file: number
  try {
    file = openSync(path, READ)
  } catch (error) {
    return toOddityKind(error)
  }
  try {
    const facts = fstatSync(file)
    if (!facts.isFile()) return 'foreign-file'
    const buffer = Buffer.allocUnsafe(MAX_LINK_BYTES)
    const text = buffer.toString('latin1', 0, readSync(file, buffer, 0, MAX_LINK_BYTES, 0)).trim()
    return isDigest(text) ? { digest: text, at: Math.floor(facts.mtimeMs) } : 'torn-link'
  } catch (error) {
    return toOddityKind(error)
  } finally {
    closeSync(file)
  }
}

/** The time a file was written, in ms; undefined if there is none. */
export function findTime(path: string): number | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs
  } catch {
    return undefined
  }
}

/** The kind of a failed read; undefined if there is nothing to read. Errors of other kinds are thrown on. */
export function toOddityKind(error: unknown): OddityKind | undefined {
  const code = systemCodeOf(error)
  if (code === undefined) throw error
  if (ABSENT.has(code)) return undefined
  return code === 'ELOOP' ? 'symbolic-link' : 'unreadable'
}

/** True if an entry of a list is something that cannot be taken over. */
export function isOddity(entry: unknown): entry is Oddity {
  return typeof entry === 'object' && entry !== null && 'where' in entry
}
