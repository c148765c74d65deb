import type { Architecture } from './architecture.ts'

/** Options of a package to make. */
export interface PackOptions {
  /** Folder of the result, which exists. */
  readonly folder: string
  /** The same sources give the same bytes, at a price that each kind states. */
  readonly isReproducible: boolean
  /** The architectures that it is made for: several for an image only. */
  readonly architectures: readonly [Architecture, ...Architecture[]]
}
