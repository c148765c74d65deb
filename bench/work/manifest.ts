import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { startPostgresServer } from '../../test/support/database/postgres-server.ts'
import { OWN_SERVER } from '../options.ts'
import { MANIFEST_TYPE, pushImage, putManifest } from '../push-image.ts'
import { request } from '../registry-request.ts'
import { type BasicAccount, type BenchServer, basicHeader } from '../servers/bench-server.ts'
import { type BerthOptions, startBerth } from '../servers/start-berth.ts'
import { startDistribution } from '../servers/start-peers.ts'
import { inOrderOfRound } from '../timed.ts'
import { writeHtpasswd } from '../workspace.ts'
import { type Load, loadUrl } from '../wrk.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

/** Costs of bcrypt: the default of `htpasswd -B`, and the usual one elsewhere. */
const COSTS = [5, 10] as const
const TAG = 'latest'

/** A server with one way of logging in. */
interface Contender {
  readonly name: string
  readonly server: BenchServer
  /** URL of the load; content that it needs is pushed to the server's own URL. */
  readonly url: string
  readonly repository: string
  authorize(): Promise<string | undefined>
}

/** Reads a manifest by tag on 32 connections, over TLS and plain, by each way of logging in. */
export async function measureManifest(context: WorkContext): Promise<void> {
  const { workspace, options } = context
  const { loadS, warmUpS } = options.sizes
  const accounts = COSTS.map((cost) => ({
    name: `bench${cost}`,
    password: randomBytes(18).toString('base64url'),
    cost,
  }))
  const htpasswdFile = join(workspace.path, 'htpasswd')
  await writeHtpasswd(htpasswdFile, accounts)
  await using databases = new AsyncDisposableStack()
  await using kept = keepServers()
  const common = { htpasswdFile, hasHttp: true }
  const berths = [
    kept.add(await startBerth(workspace, { name: NAMES.berth, ...common })),
    kept.add(await startBerth(workspace, { name: NAMES.workers, hasWorkers: true, ...common })),
  ]
  for (const berth of await postgresBerths(options.database, databases)) {
    berths.push(kept.add(await startBerth(workspace, { ...berth, ...common })))
  }
  for (const isTls of [true, false]) {
    const contenders = [
      ...berths.flatMap((berth) =>
        berthContenders(berth, { accounts, url: isTls ? berth.url : (berth.httpUrl ?? '') }),
      ),
      ...(await startDistributions(context, { kept, htpasswdFile, accounts, isTls })),
    ]
    for (const contender of contenders) await prepare(contender)
    for (let round = 0; round < options.rounds; round += 1) {
      for (const contender of inOrderOfRound(contenders, round)) {
        const load = await describeLoad(contender)
        if (warmUpS > 0) await loadUrl({ ...load, seconds: warmUpS })
        const figures = await loadUrl({ ...load, seconds: loadS })
        context.record({ work: manifestWork(isTls), server: contender.name, round, figures })
      }
    }
  }
}

/** On a database that is given only one server can begin; a server of the run's own has one for each. */
async function postgresBerths(
  database: string | undefined,
  databases: AsyncDisposableStack,
): Promise<Pick<BerthOptions, 'name' | 'database' | 'hasWorkers'>[]> {
  if (database === undefined) return []
  if (database !== OWN_SERVER) return [{ name: NAMES.postgres, database }]
  // As an operator runs it: what it has acknowledged is on the disk.
  const server = databases.use(await startPostgresServer({ settings: { fsync: 'on' } }))
  const [one, two] = [await server.createDatabase(), await server.createDatabase()]
  return [
    { name: NAMES.postgres, database: one.url },
    { name: NAMES.postgresWorkers, database: two.url, hasWorkers: true },
  ]
}

/** The work's name in tables and bars. */
export function manifestWork(isTls: boolean): string {
  return `manifest GET by tag, 32 connections, ${isTls ? 'TLS' : 'plain HTTP'}`
}

/** Name of a server with a way of logging in, in tables and bars. */
export function nameContender(server: string, login: string): string {
  return `${server}, ${login}`
}

/** Name of Basic with a bcrypt password of this cost, in tables and bars. */
export function nameBasic(cost: number): string {
  return `Basic, bcrypt ${cost}`
}

function berthContenders(
  server: BenchServer,
  { accounts, url }: { accounts: readonly BasicAccount[]; url: string },
): Contender[] {
  const repository = `${accounts[0]?.name}/image`
  return [
    {
      name: nameContender(server.name, 'bearer token'),
      server,
      url,
      repository,
      authorize: () => server.authorize(repository),
    },
    ...accounts.map((account) => ({
      name: nameContender(server.name, nameBasic(account.cost)),
      server,
      url,
      repository: `${account.name}/image`,
      authorize: async () => basicHeader(account),
    })),
  ]
}

async function startDistributions(
  { workspace }: WorkContext,
  options: {
    kept: ReturnType<typeof keepServers>
    htpasswdFile: string
    accounts: readonly BasicAccount[]
    isTls: boolean
  },
): Promise<Contender[]> {
  const { kept, htpasswdFile, accounts, isTls } = options
  const contenders: Contender[] = []
  for (const account of [undefined, ...accounts]) {
    const name = nameContender(NAMES.distribution, account ? nameBasic(account.cost) : 'no log-in')
    const htpasswd = account && { htpasswd: { file: htpasswdFile, account } }
    const server = kept.add(await startDistribution(workspace, { name, isTls, ...htpasswd }))
    const repository = `${account?.name ?? 'bench'}/image`
    contenders.push({
      name,
      server,
      url: server.url,
      repository,
      authorize: () => server.authorize(repository),
    })
  }
  return contenders
}

async function prepare(contender: Contender): Promise<void> {
  const { server, repository } = contender
  const manifest = await pushImage({ server, repository })
  const authorization = await server.authorize(repository)
  await putManifest({ server, repository }, { tag: TAG, manifest, authorization })
  const { url, headers } = await describeLoad(contender)
  const { status, body } = await request(url, { headers })
  if (status !== 200 || !body.equals(manifest))
    throw new Error(`${contender.name} answered ${status}: ${body}`)
}

async function describeLoad({
  server,
  url,
  repository,
  authorize,
}: Contender): Promise<Omit<Load, 'seconds'>> {
  const authorization = await authorize()
  return {
    url: `${url}/v2/${repository}/manifests/${TAG}`,
    headers: { Accept: MANIFEST_TYPE, ...(authorization && { Authorization: authorization }) },
    roots: server.roots,
  }
}
