import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type BerthSchema, MIGRATION_SETS } from '../../src/app/database/database-schema.ts'
import type { Database } from '../../src/database/database.ts'
import { openPostgresDatabase } from '../../src/database/postgres/open-postgres.ts'
import { openSqliteDatabase } from '../../src/database/sqlite/open-sqlite.ts'
import { recountSizes } from '../../src/metadata/migrations/recount-sizes.ts'
import { createSizeFacts } from '../../src/metadata/sizes/create-size-facts.ts'
import { createSqlMetadata } from '../../src/metadata/sql-metadata.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { type PostgresServer, startPostgresServer } from '../../test/support/database/postgres-server.ts'
import { header, MANIFEST_TYPE, putManifest, type Target } from '../push-image.ts'
import { keepConnections, requestOk } from '../registry-request.ts'
import { median } from '../samples.ts'
import { seedSizes, TAGGED } from '../seed-sizes.ts'
import { type BenchBerth, startBerth } from '../servers/start-berth.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

/** The work's names in tables and bars. */
export const SIZES_WORK = {
  page: 'sizes of a page of 100 tags',
  ranking: 'a page of repositories by size',
  namespaces: 'sizes of a page of 100 namespaces',
  push: 'push of a small layer and its manifest, with sizes and without',
} as const
/** Rows of a page, of tags, repositories or namespaces. */
const PAGE = 100
/** Pages read in a row; the figure is their median. */
const READS = 20
/** Pushes in a row with the triggers, and then without: a machine that is slower for a while slows both. */
const TURN = 25
const PUSHED = 'bench/pushed'
/** Tables whose triggers keep sizes. */
const TABLES = ['repository_blobs', 'manifests', 'trashed_manifests', 'blobs', 'repositories']

/** An engine of the facts: its server, and how its triggers are switched. */
interface Site {
  readonly berth: BenchBerth
  open(): Promise<Database<BerthSchema>>
  setTriggers(isOn: boolean): Promise<void>
  /** Gathers what the engine's planner knows of the rows: seeded ones have not met the server's own upkeep yet. */
  gatherStatistics(): Promise<void>
}

/** Time of lists with sizes, and what keeping sizes costs a push. */
export async function measureSizes(context: WorkContext): Promise<void> {
  await using kept = keepServers()
  await measureSite(context, await openSqlite(context, kept))
  if (context.options.database === undefined) return
  // As an operator runs it: with fsync, and the server's own upkeep.
  await using server = await startPostgresServer({ settings: { fsync: 'on', autovacuum: 'on' } })
  await using databaseKept = keepServers()
  await measureSite(context, await openPostgres(context, { kept: databaseKept, server }))
}

async function openSqlite({ workspace }: WorkContext, kept: ReturnType<typeof keepServers>): Promise<Site> {
  const berth = kept.add(await startBerth(workspace, { name: NAMES.berth }))
  const file = join(berth.dataDir, 'berth.db')
  using database = new DatabaseSync(file)
  const triggers = database.prepare(`select name, sql from sqlite_master where type = 'trigger'`).all()
  return {
    berth,
    open: () => openSqliteDatabase<BerthSchema>(file, { migrations: MIGRATION_SETS }),
    async setTriggers(isOn) {
      using own = new DatabaseSync(file, { timeout: 5_000 })
      for (const { name, sql } of triggers) own.exec(isOn ? String(sql) : `drop trigger ${String(name)}`)
    },
    async gatherStatistics() {},
  }
}

async function openPostgres(
  { workspace }: WorkContext,
  { kept, server }: { kept: ReturnType<typeof keepServers>; server: PostgresServer },
): Promise<Site> {
  const { name, url, target } = await server.createDatabase()
  const berth = kept.add(await startBerth(workspace, { name: NAMES.postgres, database: url }))
  return {
    berth,
    open: () => openPostgresDatabase<BerthSchema>(target, { migrations: MIGRATION_SETS }),
    async setTriggers(isOn) {
      for (const table of TABLES) {
        await server.query(`alter table ${table} ${isOn ? 'enable' : 'disable'} trigger user`, name)
      }
    },
    async gatherStatistics() {
      await server.query('analyze', name)
    },
  }
}

async function measureSite(context: WorkContext, site: Site): Promise<void> {
  const { rounds, sizes } = context.options
  const database = await site.open()
  try {
    await seedSizes(database, { tags: sizes.sizedTags, repositories: sizes.sizedRepositories })
    // Rows of several repositories came in one statement.
    await database.transaction((tx) => recountSizes(tx))
    await site.gatherStatistics()
    for (let round = 0; round < rounds; round++) await measureLists(context, { site, database, round })
  } finally {
    await database.close()
  }
  for (let round = 0; round < rounds; round++) await measurePushes(context, { site, round })
}

async function measureLists(
  { record, options }: WorkContext,
  { site, database, round }: { site: Site; database: Database<BerthSchema>; round: number },
): Promise<void> {
  const facts = createSizeFacts(database)
  const metadata = createSqlMetadata(database)
  const repository = parseRepositoryName(TAGGED)
  const middle = `v${String(Math.floor(options.sizes.sizedTags / 2)).padStart(7, '0')}`
  const reads = {
    page: async () => {
      const tags = (await metadata.describeTags(repository, { limit: PAGE, last: middle })) ?? []
      return (await facts.sizeTags(repository, tags)).size
    },
    ranking: async () => (await facts.rankRepositories({ order: 'size', limit: PAGE })).length,
    namespaces: async () => (await facts.listNamespaces({ limit: PAGE, last: undefined })).length,
  }
  for (const [name, read] of Object.entries(reads) as [keyof typeof reads, () => Promise<number>][]) {
    const times: number[] = []
    let rows = 0
    for (let count = 0; count < (name === 'namespaces' ? 1 : READS); count++) {
      const startMs = performance.now()
      rows = await read()
      times.push(performance.now() - startMs)
    }
    if (rows === 0) throw new Error(`${SIZES_WORK[name]}: no rows`)
    record({
      work: SIZES_WORK[name],
      server: site.berth.name,
      round,
      figures: { 'median ms': median(times), 'worst ms': Math.max(...times), rows },
    })
  }
}

async function measurePushes(
  { record, options }: WorkContext,
  { site, round }: { site: Site; round: number },
): Promise<void> {
  using agent = keepConnections()
  const target = { server: site.berth, repository: PUSHED, agent }
  const authorization = await site.berth.authorize(PUSHED)
  const times = { with: [] as number[], without: [] as number[] }
  for (let pushed = 0; pushed < options.sizes.sizedPushes; pushed += TURN) {
    for (const side of ['without', 'with'] as const) {
      if (side === 'without') await site.setTriggers(false)
      // The first one also prepares its statements anew.
      await pushSmall(target, authorization)
      for (let count = 0; count < TURN; count++) {
        const startMs = performance.now()
        await pushSmall(target, authorization)
        times[side].push(performance.now() - startMs)
      }
      if (side === 'without') await site.setTriggers(true)
    }
  }
  const [on, off] = [median(times.with), median(times.without)]
  const figures = { 'median ms with': on, 'median ms without': off, 'with to without': on / off }
  record({ work: SIZES_WORK.push, server: site.berth.name, round, figures })
}

async function pushSmall(target: Target, authorization: string | undefined): Promise<void> {
  const bytes = randomBytes(1_000)
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  const url = `${target.server.url}/v2/${target.repository}/blobs/uploads/?digest=${digest}`
  const { agent } = target
  await requestOk(url, {
    method: 'POST',
    headers: { ...header(authorization), 'content-type': 'application/octet-stream' },
    body: bytes,
    ...(agent && { agent }),
  })
  const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: bytes.length }
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST_TYPE, config, layers: [] }),
  )
  await putManifest(target, { tag: 'latest', manifest, authorization })
}
