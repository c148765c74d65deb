import { readFileSync } from 'node:fs'
import type { Server } from 'node:net'

/** Fewer connections than this are soon used up: a client opens several, and keeps them. */
export const FEW_CONNECTIONS = 100
/** Share of the files that a process may open that is kept for other uses than visitors' connections. */
const KEPT_SHARE = 1 / 8
/** Least number of files kept: the database, logs, listeners and threads take some fifty. */
export const MIN_KEPT = 64

/**
 * Most connections at once, by the number of files this process may open (RLIMIT_NOFILE): `most`, or fewer, so that
 * files and connections to upstreams can be opened, too. If the limit is unknown, `most`.
 */
export function connectionLimit(most: number, openFiles: number | undefined = openFileLimit()): number {
  if (openFiles === undefined) return most
  const kept = Math.max(MIN_KEPT, Math.ceil(openFiles * KEPT_SHARE))
  return Math.max(1, Math.min(most, openFiles - kept))
}

/**
 * Closes connections beyond `most` at once. Without `dropMaxConnection` a worker returns them to the primary, which
 * tries the next one: once all are full they wait without an end, and all processes are busy passing them on.
 */
export function boundConnections(server: Server, most: number): void {
  // Node's types lack the second one.
  Object.assign(server, { maxConnections: most, dropMaxConnection: true })
}

/**
 * Number of files this process may open: Node raises the soft limit to the hard one. Undefined if the system does not
 * report it.
 */
export function openFileLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    // Not Linux.
    return undefined
  }
}
