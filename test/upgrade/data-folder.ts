/** Folder of the packed data folders. */
export const FIXTURES: URL = new URL('../fixtures/data-folders/', import.meta.url)

/** Accounts of every data folder. The passwords protect nothing else. */
export const USERS = {
  alice: { password: 'alice-of-the-fixture', isAdmin: true },
  bob: { password: 'bob-of-the-fixture', isAdmin: false },
} as const

/** A tagged image of a data folder. */
export interface FixtureImage {
  readonly repository: string
  readonly tag: string
  readonly digest: string
}

/** What was put into a data folder: `content.json` beside it. */
export interface DataFolderContent {
  readonly images: readonly FixtureImage[]
  /** The commands of later versions that this version had, as `tag pin`. */
  readonly done: readonly string[]
}
