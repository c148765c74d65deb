import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

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

/** Names of all data folders, the oldest schema first. */
export const FIXTURE_NAMES: readonly string[] = readdirSync(FIXTURES)
  .filter((file) => file.endsWith('.tar.gz'))
  .map((file) => file.slice(0, -'.tar.gz'.length))
  .sort()

/** A copy of a data folder. */
interface UnpackedFixture extends AsyncDisposable {
  readonly path: string
  /** The data folder, in `path`. */
  readonly data: string
  readonly content: DataFolderContent
}

/** Makes a copy of a data folder; disposing removes it. */
export async function unpackFixture(name: string): Promise<UnpackedFixture> {
  const folder = await makeTempFolder('fixture')
  await runOk('tar', ['-xzf', fileURLToPath(new URL(`${name}.tar.gz`, FIXTURES)), '-C', folder.path])
  const content: DataFolderContent = JSON.parse(await readFile(join(folder.path, 'content.json'), 'utf8'))
  return { ...folder, data: join(folder.path, 'data'), content }
}

/** Names of the migrations that the database of a data folder records. */
export function readRecord(data: string): string[] {
  using database = new DatabaseSync(join(data, 'berth.db'), { readOnly: true })
  const rows = database.prepare('select name from kysely_migration order by name').all()
  return rows.map((row) => String(row.name))
}
