import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LinkTree } from '../../blobs/link-tree.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import { openSqliteDatabase } from '../../database/sqlite/open-sqlite.ts'
import { createAdoptFacts } from '../../metadata/adopt/create-adopt-facts.ts'
import type { AdoptedTag, AdoptFacts, TagOutcome } from '../../metadata/adopt-facts.ts'
import type { MetadataSchema } from '../../metadata/schema.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { type AdoptProgress, type AdoptResult, adoptTree } from '../../upkeep/adopt/adopt-tree.ts'
import { openStore } from '../data/open-store.ts'
import { MIGRATION_SETS } from '../database/database-schema.ts'
import { hasFacts, refuseLostDatabase } from '../database/lost-database.ts'
import type { DatabaseOptions } from '../database/open-database.ts'
import { AppError } from '../faults/app-error.ts'
import { requireMachine } from '../faults/require-machine.ts'
import { createBlobPlace } from '../folders/blob-place.ts'
import { isLocked, prepareFolder } from '../folders/data-folder.ts'
import { requireWritablePlace } from '../folders/require-writable-place.ts'
import { readServerRecord } from '../folders/server-record.ts'

import { claimLinks } from './claim-links.ts'

export type { AdoptProgress, AdoptResult }

/** Options of a takeover. */
interface AdoptFolderOptions {
  /** Changes nothing, and reports what would be taken over. */
  readonly isPreview: boolean
  /** Leaves the links in Distribution's place, which may go on. */
  readonly keepsTree: boolean
  /** True: a missing database is made even beside blobs of an earlier one. */
  readonly mayMakeDatabase?: boolean
  /** Called before an earlier schema is updated; undefined: it is an error. */
  readonly onUpdate?: DatabaseOptions['onUpdate']
  readonly onProgress: (progress: AdoptProgress) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Takes over the Distribution folder that holds the blobs of a configuration; its database is made if there is none. Errors: `AppError`
 * (`NOTHING_TO_ADOPT` without links, `ADOPT_BUSY`, `CLOCK_WRONG`, `OUT_OF_FILES`, `DATA_NOT_FOUND` if the server of the data folder has its blobs elsewhere), `DatabaseError`.
 */
export async function adoptFolder(config: Config, options: AdoptFolderOptions): Promise<AdoptResult> {
  requireMachine()
  refuseOtherRoot(config)
  const tree = await requireTree(config)
  if (options.isPreview) return previewTree(config, tree, options)
  const place = createBlobPlace(config)
  await requireWritablePlace(place)
  if (!options.mayMakeDatabase) await refuseLost(config)
  await prepareFolder(config.dataDir)
  using _claim = claimLinks(config.dataDir)
  const store = await openStore(config, { isBulk: true, onUpdate: options.onUpdate })
  try {
    // Makes the folder of uploads: from then on the blobs are those of Berth, too.
    const blobs = await place.open()
    await blobs.close()
    const isAlone = (): boolean => store.database.engine === 'sqlite' && !isLocked(config.dataDir)
    return await adopt(config, tree, { ...options, facts: createAdoptFacts(store.database), isAlone })
  } finally {
    await store.close()
  }
}

/** Errors: `AppError` `DATABASE_LOST`, or `ADOPT_BUSY` while another takeover makes the database. */
async function refuseLost(config: Config): Promise<void> {
  try {
    await refuseLostDatabase(config)
  } catch (error) {
    if (existsSync(config.dataDir)) claimLinks(config.dataDir)[Symbol.dispose]()
    throw error
  }
}

/** Takes over links beside the blobs of an open database. */
export async function adopt(
  { sparseManifests }: Pick<Config, 'sparseManifests'>,
  tree: LinkTree,
  options: Omit<AdoptFolderOptions, 'isPreview'> & { facts: AdoptFacts; isAlone: () => boolean },
): Promise<AdoptResult> {
  const { facts, keepsTree, onProgress, signal, isAlone } = options
  return adoptTree({ tree, facts, isSparseAllowed: sparseManifests, keepsTree, onProgress, signal, isAlone })
}

/** Adopts into a database that is removed afterwards: it shows exactly what a takeover does, and its memory is bounded. */
async function previewTree(
  config: Config,
  tree: LinkTree,
  options: AdoptFolderOptions,
): Promise<AdoptResult> {
  await using resources = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'berth-adopt-'))
  resources.defer(() => rm(folder, { recursive: true, force: true }))
  const migrations = { migrations: MIGRATION_SETS, isBulk: true }
  const scratch = await openSqliteDatabase<MetadataSchema>(join(folder, 'preview.db'), migrations)
  resources.defer(() => scratch.close())
  const present = (await hasFacts(config)) ? await openStore(config) : undefined
  if (present) resources.defer(() => present.close())
  const facts = createPreviewFacts(scratch, present?.database)
  return await adopt(
    config,
    { ...tree, storeUnder: async () => true },
    { ...options, facts, keepsTree: true, isAlone: () => true },
  )
}

/** Facts of a preview: those that would be added are in `scratch`, those that there are in `present`. */
function createPreviewFacts(
  scratch: Database<MetadataSchema>,
  present: Database<MetadataSchema> | undefined,
): AdoptFacts {
  const added = createAdoptFacts(scratch)
  if (!present) return added
  const there = createAdoptFacts(present)
  const compare = async (
    name: RepositoryName,
    { tags, outcomes }: { tags: readonly AdoptedTag[]; outcomes: readonly TagOutcome[] },
  ): Promise<TagOutcome[]> => {
    const compared = await there.previewTags(name, tags)
    return outcomes.map((outcome, at) => (outcome === 'no-manifest' ? outcome : (compared[at] ?? outcome)))
  }
  return {
    ...added,
    findDeletion: there.findDeletion,
    async adoptTags(repository, tags, by) {
      return compare(repository, { tags, outcomes: await added.adoptTags(repository, tags, by) })
    },
    async adoptRepositories(repositories, options) {
      const outcomes = await added.adoptRepositories(repositories, options)
      return Promise.all(
        repositories.map(async ({ name, tags }, at) => {
          const { blobs = [], manifests = [], tags: ofTags = [] } = outcomes[at] ?? {}
          return { blobs, manifests, tags: await compare(name, { tags, outcomes: ofTags }) }
        }),
      )
    },
  }
}

async function requireTree(config: Config): Promise<LinkTree> {
  const tree = await createBlobPlace(config).openLinks?.()
  if (tree && (await tree.states()).length > 0) return tree
  throw new AppError(
    'NOTHING_TO_ADOPT',
    `There are no repositories of the Distribution registry in ${config.registryRoot}`,
    'Name its folder, the one that holds docker/registry/v2: "berth adopt FOLDER", or --config with its config.yml',
  )
}

/** One database belongs to one folder of blobs: another one would be named by facts and not be found. */
function refuseOtherRoot({ dataDir, registryRoot }: Config): void {
  const recorded = readServerRecord(dataDir)?.record.settings['registry-root']
  if (typeof recorded !== 'string' || resolve(recorded) === resolve(registryRoot)) return
  throw new AppError(
    'DATA_NOT_FOUND',
    `The server of ${dataDir} has its blobs in ${recorded}, and a takeover changes no place of blobs`,
    `Name another data folder with --data, which then belongs to ${registryRoot}`,
  )
}
