/** One file imports another. */
export interface ImportEdge {
  readonly from: string
  readonly to: string
  readonly line: number
  readonly isTypeOnly: boolean
}

/**
 * Finds files that import each other in a circle, one line a circle: `file:line: the circle`. Circles of types are
 * allowed within one folder, because nothing of them is left at run time.
 */
export function findCycles(edges: readonly ImportEdge[], folderOf: (path: string) => string): string[] {
  const matters = (edge: ImportEdge): boolean => !edge.isTypeOnly || folderOf(edge.from) !== folderOf(edge.to)
  const within = edges.filter((edge) => !edge.isTypeOnly)
  // A circle through two folders has an edge between them; circles of types inside one folder are left out.
  const problems = new Map<string, string>()
  for (const edge of edges.filter(matters)) {
    const isLocal = folderOf(edge.from) === folderOf(edge.to)
    const path = shortestPath(isLocal ? within : edges, edge.to, edge.from)
    if (!path) continue
    const key = [...path].sort().join(' ')
    if (!problems.has(key))
      problems.set(key, `${edge.from}:${edge.line}: circle ${[edge.from, ...path].join(' -> ')}`)
  }
  return [...problems.values()]
}

/** Files from `start` to `goal`, both included; undefined if there is no way. */
function shortestPath(edges: readonly ImportEdge[], start: string, goal: string): string[] | undefined {
  const targets = Map.groupBy(edges, (edge) => edge.from)
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
