import type { Store } from './data/open-store.ts'
import type { DoorUpkeepContext } from './door/door-upkeep.ts'
import type { Contents } from './open-registry.ts'

/** Parts that are open before anything is served. */
export interface StartContext extends Omit<DoorUpkeepContext, 'door'> {
  readonly store: Store
  readonly contents: Contents
}

/** Listeners of a server. */
export interface Serving {
  readonly urls: readonly string[]
  /** Begins to answer requests: until then they wait. */
  answer(): void
}
