import type { Curl } from '../curl.ts'
import type { BenchOptions } from '../options.ts'
import type { Sample } from '../samples.ts'
import type { BenchServer } from '../servers/bench-server.ts'
import type { Workspace } from '../workspace.ts'

/** Parameters of a piece of work. */
export interface WorkContext {
  readonly workspace: Workspace
  readonly options: BenchOptions
  readonly curl: Curl
  /** Keeps the figures of one server in one round. */
  record(sample: Sample): void
}

/** The servers' names in tables and bars. */
export const NAMES = {
  berth: 'Berth',
  /** A worker for each core. */
  workers: 'Berth, workers',
  /** On a PostgreSQL server of the same machine. */
  postgres: 'Berth, PostgreSQL',
  postgresWorkers: 'Berth, PostgreSQL, workers',
  distribution: 'docker-registry',
  stack: 'nginx + docker-registry',
  files: 'nginx, static files',
  disk: 'disk (dd conv=fsync)',
} as const

/** Connections that transfer at once. */
export const CONNECTIONS = [1, 4] as const

/** Name of a piece of work in tables, such as "pull, 4 connections". */
export function nameWork(work: string, connections: number): string {
  return `${work}, ${connections} connection${connections === 1 ? '' : 's'}`
}

/** Stops every server, in whatever state the work ended. */
export function keepServers(): AsyncDisposable & { add<T extends BenchServer>(server: T): T } {
  const stack = new AsyncDisposableStack()
  return { add: (server) => stack.use(server), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
