/** One file imports another. */
export interface ImportEdge {
  readonly from: string
  readonly to: string
  readonly line: number
}

/**
 * Finds files that import each other in a circle, one line a circle: `file:line: the circle`. Types count: two files
 * that need each other's types are read and changed as one.
 */
export function findCycles(edges: readonly ImportEdge[]): string[] {
  const problems = new Map<string, string>()
  const targets = Map.groupBy(edges, (edge) => edge.from)
  for (const edge of edges) {
    const path = shortestPath(targets, edge.to, edge.from)
    if (!path) continue
    const key = [...path].sort().join(' ')
    if (!problems.has(key))
      problems.set(key, `${edge.from}:${edge.line}: circle ${[edge.from, ...path].join(' -> ')}`)
  }
  return [...problems.values()]
}

/** Files from `start` to `goal`, both included; undefined if there is no way. */
function shortestPath(
  targets: ReadonlyMap<string, readonly ImportEdge[]>,
  start: string,
  goal: string,
): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]])
  for (const file of cameFrom.keys()) {
    if (file === goal) return trace(cameFrom, goal)
    for (const edge of targets.get(file) ?? []) {
      if (!cameFrom.has(edge.to)) cameFrom.set(edge.to, file)
    }
  }
  return undefined
}

function trace(cameFrom: ReadonlyMap<string, string | undefined>, goal: string): string[] {
  const path: string[] = []
  for (let at: string | undefined = goal; at !== undefined; at = cameFrom.get(at)) path.unshift(at)
  return path
}
