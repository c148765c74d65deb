/** The package's own file of its pools: its index loads fetch, WebSockets, mocks and caches beside, 6 MB of memory. */
declare module 'undici/lib/dispatcher/pool.js' {
  import type { Dispatcher, Pool as WholePool } from 'undici'

  /** Methods of a pool without the index, which adds `request` and its like. */
  class Pool implements Pick<WholePool, 'dispatch' | 'close' | 'destroy' | 'closed' | 'stats'> {
    constructor(origin: string, options: WholePool.Options)
    readonly closed: boolean
    readonly stats: WholePool['stats']
    dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean
    close(): Promise<void>
    close(callback: () => void): void
    destroy(): Promise<void>
    destroy(error: Error | null): Promise<void>
    destroy(callback: () => void): void
    destroy(error: Error | null, callback: () => void): void
  }
  export = Pool
}
