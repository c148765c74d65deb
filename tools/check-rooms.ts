import { posix } from 'node:path'
import type { ImportEdge } from './import-cycles.ts'
import { type RoomOrder, TEST_SUPPORT } from './room-order.ts'

/** One room: its folder, and its place in the folder's row. */
interface Place {
  readonly folder: string
  readonly room: string
  readonly height: number
}

/**
 * Checks that within a folder of `src/`, and within `test/support/`, imports go down its row of rooms only, so that
 * between two rooms all arrows point one way. One line a problem: `file:line: rule`.
 */
export function checkRooms(
  files: Iterable<string>,
  edges: readonly ImportEdge[],
  order: readonly RoomOrder[],
): string[] {
  return [...findHomeless([...files], order), ...findArrowsUp(edges, order)]
}

/** The first file of each room that its folder's row does not name. */
function findHomeless(files: readonly string[], order: readonly RoomOrder[]): string[] {
  const split = new Set([...order.map(({ folder }) => folder), ...files.flatMap(folderWithRooms)])
  const homeless = files.filter((file) => split.has(folderOf(file)) && !findPlace(file, order))
  const rooms = new Map(homeless.toReversed().map((file) => [shorten(posix.dirname(file)), file]))
  return [...rooms].map(([room, file]) => `${file}:1: the room "${room}" has no place in tools/room-order.ts`)
}

function findArrowsUp(edges: readonly ImportEdge[], order: readonly RoomOrder[]): string[] {
  return edges.flatMap(({ from, to, line }) => {
    const lower = findPlace(from, order)
    const upper = findPlace(to, order)
    if (!lower || !upper || upper.folder !== lower.folder || upper.height <= lower.height) return []
    const why = `"${nameOf(upper)}" stands above it in tools/room-order.ts`
    return [`${from}:${line}: "${nameOf(lower)}" must not import "${shorten(to)}": ${why}`]
  })
}

/** The room of a file; undefined for a folder without a row, or a room that is not in it. */
export function findPlace(file: string, order: readonly RoomOrder[]): Place | undefined {
  const folder = folderOf(file)
  const row = order.find((entry) => entry.folder === folder)
  const path = shorten(file).slice(folder.length + 1)
  for (const room of [path, posix.dirname(path)]) {
    const height = row?.rooms.indexOf(room) ?? -1
    if (height >= 0) return { folder, room, height }
  }
  return undefined
}

/** The folder of `src/` if the file lies in an inner folder of it. */
function folderWithRooms(file: string): string[] {
  return file.split('/').length > 3 ? [folderOf(file)] : []
}

function folderOf(file: string): string {
  return file.startsWith(`${TEST_SUPPORT}/`) ? TEST_SUPPORT : (file.split('/')[1] ?? '')
}

/** A path below `src/`; other paths stay whole. */
function shorten(path: string): string {
  return path.replace(/^src\//, '')
}

function nameOf({ folder, room }: Place): string {
  return room === '.' ? folder : `${folder}/${room}`
}
