import { checkRooms, roomOf } from './check-rooms.ts'
import { closesCircle, type ImportEdge } from './import-cycles.ts'
import { OPEN_ARROWS, ROOM_ORDER } from './room-order.ts'

/** Tells whether an import is checked: false for the arrows that are still to be turned. */
export function createArrowFilter(openArrows: readonly string[]): (edge: ImportEdge) => boolean {
  const open = new Set(openArrows)
  return ({ from, to }) =>
    !open.has(`${from.slice(4)} -> ${to.slice(4)}`) && !open.has(`${roomOf(from)} -> ${roomOf(to)}`)
}

/** Lines for the reader of the check: the arrows that are still to be turned, and those of them that need no more. */
export function describeOpenArrows(edges: readonly ImportEdge[]): string[] {
  return OPEN_ARROWS.map((arrow) => {
    const isChecked = createArrowFilter([arrow])
    const own = edges.filter((edge) => !isChecked(edge))
    const isUp = checkRooms([], own, ROOM_ORDER).length > 0
    const isNeeded = isUp || own.some((edge) => closesCircle(edge, edges))
    return isNeeded ? `to be turned: ${arrow}` : `turned, so delete it from tools/room-order.ts: ${arrow}`
  })
}
