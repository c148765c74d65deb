import { findPlace } from './check-rooms.ts'
import type { ImportEdge } from './import-cycles.ts'
import type { RoomOrder } from './room-order.ts'

/** Rooms from which on a folder has a chart of its own; smaller ones share one. */
const MIN_OWN_CHART = 6

/** Names and the names each of them imports. */
type Graph = ReadonlyMap<string, ReadonlySet<string>>

/**
 * Draws folders, rooms and their imports as Mermaid charts in Markdown, for ARCHITECTURE.md. An arrow that follows from
 * others is left out: who imports `a` which imports `b` may import `b`, too.
 */
export function drawRooms(edges: readonly ImportEdge[], order: readonly RoomOrder[]): string {
  const folders = buildGraph(edges.map(({ from, to }) => [folderOf(from), folderOf(to)]))
  const rooms = order.map(({ folder }) => ({ folder, graph: buildGraph(roomArrows(edges, folder, order)) }))
  const isLarge = ({ graph }: { graph: Graph }): boolean => namesIn(graph).length >= MIN_OWN_CHART
  const small = rooms.filter((entry) => !isLarge(entry) && entry.graph.size > 0)
  return [
    'The folders:',
    chart(drawArrows(folders)),
    ...rooms
      .filter(isLarge)
      .flatMap(({ folder, graph }) => [
        `The rooms of \`${folder}/\`:`,
        chart(drawArrows(graph).map((arrow) => arrow.replaceAll(`${folder}/`, ''))),
      ]),
    'The rooms of smaller folders:',
    chart(small.flatMap(({ graph }) => drawArrows(graph))),
  ].join('\n\n')
}

function folderOf(file: string): string {
  return file.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

function roomArrows(
  edges: readonly ImportEdge[],
  folder: string,
  order: readonly RoomOrder[],
): [string, string][] {
  return edges.flatMap(({ from, to }) => {
    const [start, end] = [findPlace(from, order), findPlace(to, order)]
    if (start?.folder !== folder || end?.folder !== folder) return []
    return [[nameOf(folder, start.room), nameOf(folder, end.room)]]
  })
}

function nameOf(folder: string, room: string): string {
  return room === '.' ? folder : `${folder}/${room}`
}

function buildGraph(arrows: readonly (readonly [from: string, to: string])[]): Graph {
  const graph = new Map<string, Set<string>>()
  for (const [from, to] of arrows) {
    if (from !== to) graph.set(from, (graph.get(from) ?? new Set()).add(to))
  }
  return graph
}

function namesIn(graph: Graph): string[] {
  return [...new Set([...graph].flatMap(([from, to]) => [from, ...to]))].sort()
}

/** One line for each name with all its arrows, as `a --> b & c`. */
function drawArrows(graph: Graph): string[] {
  const lines = [...graph].map(([from, targets]) => {
    const direct = [...targets].filter(
      (to) => ![...targets].some((other) => other !== to && reaches(graph, other, to)),
    )
    return `${from} --> ${direct.sort().join(' & ')}`
  })
  return lines.sort()
}

function reaches(graph: Graph, start: string, goal: string, seen: Set<string> = new Set()): boolean {
  if (start === goal) return true
  if (seen.has(start)) return false
  seen.add(start)
  return [...(graph.get(start) ?? [])].some((next) => reaches(graph, next, goal, seen))
}

function chart(lines: readonly string[]): string {
  return ['```mermaid', 'flowchart TD', ...lines.map((line) => `  ${line}`), '```'].join('\n')
}
