import { type Dirent, lstatSync, opendirSync } from 'node:fs'
import type { OddityKind } from '../../link-tree.ts'
import { systemCodeOf } from '../../storage-fault.ts'
import { toOddityKind } from './read-link.ts'

/** Entries read at once. */
const READ_AHEAD = 512

/** Part of a folder. */
interface FolderEntry {
  readonly name: string
  /** Undefined: a folder. */
  readonly oddity: OddityKind | undefined
}

/**
 * Folders inside a folder, in no order; whatever else is there has the kind of its oddity. Nothing if there is no such
 * folder. A folder that cannot be read, or is none, is one entry with an empty name.
 */
export function* listFolder(path: string): Generator<FolderEntry> {
  const oddity = judgeFolder(path)
  if (oddity === 'absent') return
  if (oddity !== undefined) return yield { name: '', oddity }
  try {
    using folder = opendirSync(path, { bufferSize: READ_AHEAD })
    for (;;) {
      const entry = folder.readSync()
      if (entry === null) return
      yield { name: entry.name, oddity: judgeEntry(entry) }
    }
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error
    const kind = toOddityKind(error)
    if (kind !== undefined) yield { name: '', oddity: kind }
  }
}

function judgeFolder(path: string): OddityKind | 'absent' | undefined {
  try {
    const facts = lstatSync(path, { throwIfNoEntry: false })
    if (facts === undefined) return 'absent'
    if (facts.isSymbolicLink()) return 'symbolic-link'
    return facts.isDirectory() ? undefined : 'foreign-file'
  } catch (error) {
    return toOddityKind(error) ?? 'absent'
  }
}

function judgeEntry(entry: Dirent): OddityKind | undefined {
  if (entry.isSymbolicLink()) return 'symbolic-link'
  return entry.isDirectory() ? undefined : 'foreign-file'
}
