import { AsyncLocalStorage } from 'node:async_hooks'

/** Origin of an act, for the events that it causes. */
export interface Origin {
  /** Name of the account; undefined: none, or not known yet. */
  readonly who: () => string | undefined
  readonly address: string
  readonly requestId: string
  readonly userAgent: string | undefined
}

const origins = new AsyncLocalStorage<Origin>()

/** Runs the work on a request: the events that it causes name its origin. */
export function runWithOrigin<R>(origin: Origin, work: () => R): R {
  return origins.run(origin, work)
}

/** The origin of the work that runs; undefined: a command, or the server's own work. */
export function findOrigin(): Origin | undefined {
  return origins.getStore()
}
