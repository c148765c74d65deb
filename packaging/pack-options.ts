/** Options of a package to make. */
export interface PackOptions {
  /** Folder of the result, which exists. */
  readonly folder: string
  /** The same sources give the same bytes, at a price that each kind states. */
  readonly isReproducible: boolean
}
