import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { part } from '../../test/parts/find-parts.ts'
import { runOk } from '../../test/support/machine/run-command.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import { writeLinks } from '../distribution-links.ts'
import { readUsage } from '../process-usage.ts'
import { header, pushImage, putManifest, type Target } from '../push-image.ts'
import { type KeptConnections, keepConnections, requestOk } from '../registry-request.ts'
import { median, percentile } from '../samples.ts'
import { type SeededImage, seededBlobPath, seedImages } from '../seed-images.ts'
import { seedTags } from '../seed-tags.ts'
import { formatRegistryConfig } from '../servers/registry-config.ts'
import { type BenchBerth, startBerth } from '../servers/start-berth.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

/** Shares of the images that are due. */
export const DEAD_SHARES = [0.01, 0.5] as const
const PUSHED_REPOSITORY = 'bench/pushed'
const TAGGED_REPOSITORY = 'bench/tagged'
/** Tags of the repository in which manifests are deleted, and manifests deleted there. */
const TAGS = 20_000
const DELETED = 20
/** Requests at once, of each kind. */
const CLIENTS = 2
/** Steps a second of the server's collection: far above the default of 100, so that it ends within minutes. */
const RATE = 1_000
/** A token outlives the collection. */
const FLAGS = ['--collect-rate', String(RATE), '--token-lifetime', '3600']
/** Age of seeded entries, at least, in ms. */
const QUEUED_BEFORE_MS = 24 * 3_600_000
/** Pause between two looks at the queue, in ms. */
const QUEUE_LOOK_MS = 200
/** Longest collection, in ms: a million steps at that rate, and twice as long again. */
const MAX_COLLECTION_MS = 3_600_000
/** Pause between two looks at the memory, in ms. */
const MEMORY_LOOK_MS = 500

/** The work's name in tables and bars. */
export function collectionWork(blobs: number, deadShare: number): string {
  return `collection, ${blobs.toLocaleString('en')} blobs, ${deadShare * 100} % dead`
}

/** The work's name in tables and bars. */
export const DELETE_WORK: string = `delete of a manifest beside ${TAGS.toLocaleString('en')} tags`

/** Collection of very many blobs beside pulls and pushes, and Distribution's own on the same images. */
export async function measureCollection(context: WorkContext): Promise<void> {
  for (const deadShare of DEAD_SHARES) await measureShare(context, deadShare)
}

async function measureShare(context: WorkContext, deadShare: number): Promise<void> {
  const { workspace, options, record } = context
  const { collectedBlobs, loadS } = options.sizes
  const work = collectionWork(collectedBlobs, deadShare)
  await using kept = keepServers()
  const berth = kept.add(await startBerth(workspace, { name: NAMES.berth, flags: FLAGS }))
  await berth.stop()
  const images = seedImages({ dataDir: berth.dataDir, blobs: collectedBlobs, deadShare })
  if (deadShare === DEAD_SHARES[0]) {
    seedTags({ dataDir: berth.dataDir, repository: TAGGED_REPOSITORY, count: TAGS })
  }
  const copy = await copyForDistribution(workspace, { dataDir: berth.dataDir, images })
  await berth.startAgain()
  const idle = await measureRequests(berth, { images, meanwhile: () => sleep(loadS * 1_000) })
  let gc = { seconds: 0, growth: 0 }
  const busy = await measureRequests(berth, {
    images,
    meanwhile: async () => {
      gc = await followCollection(berth, options)
    },
  })
  checkFiles(berth.dataDir, images)
  const dead = images.filter(({ isDead }) => isDead).length
  record({
    work,
    server: NAMES.berth,
    round: 0,
    figures: {
      seconds: gc.seconds,
      'images removed': dead,
      'pull p99 ms': busy.pull,
      'pull p99 to idle': busy.pull / idle.pull,
      'push p99 ms': busy.push,
      'push p99 to idle': busy.push / idle.push,
      'server RSS growth MB': gc.growth / 1024 ** 2,
    },
  })
  if (deadShare === DEAD_SHARES[0]) await measureDeletes(context, berth)
  const seconds = await runDistribution(copy)
  checkFiles(copy.root, images)
  record({ work, server: NAMES.distribution, round: 0, figures: { seconds, 'images removed': dead } })
}

/** Links to the same files, which each of both removes for itself, and Distribution's own facts. */
async function copyForDistribution(
  workspace: WorkContext['workspace'],
  { dataDir, images }: { dataDir: string; images: readonly SeededImage[] },
): Promise<{ root: string; config: string }> {
  const folder = await workspace.folder('distribution-collection')
  const [root, config] = [join(folder, 'root'), join(folder, 'config.yml')]
  await mkdir(root)
  await runOk('cp', ['-al', join(dataDir, 'docker'), root], { timeoutMs: MAX_COLLECTION_MS })
  writeLinks(root, images)
  await writeFile(config, formatRegistryConfig({ root, port: 1 }))
  return { root, config }
}

async function runDistribution({ config }: { config: string }): Promise<number> {
  const startMs = performance.now()
  const options = { timeoutMs: MAX_COLLECTION_MS }
  await runOk(part('docker-registry'), ['garbage-collect', '--delete-untagged', config], options)
  return (performance.now() - startMs) / 1_000
}

/** The server's own rounds begin a minute after its start; a smoke run does not wait for them. */
async function followCollection(
  berth: BenchBerth,
  { isSmoke }: { isSmoke: boolean },
): Promise<{ seconds: number; growth: number }> {
  const total = countQueue(berth)
  let startMs = performance.now()
  const end = startMs + MAX_COLLECTION_MS
  if (isSmoke) await runOk(BERTH_BIN, ['gc', '--data', berth.dataDir])
  let [before, most] = [0, 0]
  for (let lookedAt = 0, left = total; left > 0; left = countQueue(berth)) {
    if (performance.now() > end) throw new Error(`${left} entries of the queue are left`)
    if (performance.now() - lookedAt > MEMORY_LOOK_MS) {
      lookedAt = performance.now()
      const { rssBytes } = readUsage(berth.roots)
      if (left === total) [startMs, before] = [performance.now(), rssBytes]
      most = Math.max(most, rssBytes)
    }
    await sleep(QUEUE_LOOK_MS)
  }
  return { seconds: (performance.now() - startMs) / 1_000, growth: most - before }
}

/** Entries of what was seeded: those of the pushes meanwhile are due later. */
function countQueue({ dataDir }: BenchBerth): number {
  using database = new DatabaseSync(join(dataDir, 'berth.db'), { readOnly: true })
  const old = Date.now() - QUEUED_BEFORE_MS
  const manifests = database
    .prepare(`select count(*) as count from collection_queue where kind = 'manifest' and since < ?`)
    .get(old)
  const next = database
    .prepare(
      `select 1 from collection_queue
       where kind = 'blob' or (kind = 'link' and reason = 'manifest collected') limit 1`,
    )
    .get()
  return Number(manifests?.count) + (next ? 1 : 0)
}

/** Errors: a file of an image that a tag names is gone, or one of another is left. */
function checkFiles(root: string, images: readonly SeededImage[]): void {
  for (const { isDead, manifest, blobs } of images) {
    for (const digest of [manifest, ...blobs]) {
      if (existsSync(seededBlobPath(root, digest)) === isDead) {
        throw new Error(
          `${digest} of ${isDead ? 'an image without a tag is left' : 'a tagged image is gone'}`,
        )
      }
    }
  }
}

/** Pulls of layers and pushes of tags while something else is under way: the 99th percentile of each, in ms. */
async function measureRequests(
  server: BenchBerth,
  { images, meanwhile }: { images: readonly SeededImage[]; meanwhile: () => Promise<unknown> },
): Promise<{ pull: number; push: number }> {
  using agent = keepConnections()
  const target: Target = { server, repository: PUSHED_REPOSITORY, agent }
  const manifest = await pushImage(target)
  const live = images.filter(({ isDead }) => !isDead)
  const times = { pull: [] as number[], push: [] as number[] }
  let isOver = false
  const repeat = async (into: number[], act: (number: number) => Promise<unknown>): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const startMs = performance.now()
      await act(number)
      into.push(performance.now() - startMs)
    }
  }
  const first = live[0]
  if (!first) throw new Error('there is no tagged image')
  const pulling = await server.authorize(first.repository)
  const inFirst = live.filter(({ repository }) => repository === first.repository)
  const pull = (number: number): Promise<unknown> =>
    pullLayer(server, { image: inFirst[number % inFirst.length] ?? first, authorization: pulling, agent })
  const authorization = await server.authorize(PUSHED_REPOSITORY)
  const push = (number: number): Promise<unknown> =>
    putManifest(target, { tag: `t${number % 100}`, manifest, authorization })
  const clients = Array.from({ length: CLIENTS }, () => [
    repeat(times.pull, pull),
    repeat(times.push, push),
  ]).flat()
  const working = Promise.all(clients)
  try {
    // A request that fails ends the measurement at once.
    await Promise.race([meanwhile(), working])
  } finally {
    isOver = true
    await working
  }
  return { pull: percentile(times.pull, 99), push: percentile(times.push, 99) }
}

async function pullLayer(
  server: BenchBerth,
  {
    image,
    authorization,
    agent,
  }: { image: SeededImage; authorization: string | undefined; agent: KeptConnections },
): Promise<void> {
  const url = `${server.url}/v2/${image.repository}/blobs/${image.blobs[1]}`
  await requestOk(url, { headers: header(authorization), agent })
}

async function measureDeletes({ record }: WorkContext, berth: BenchBerth): Promise<void> {
  using agent = keepConnections()
  const times: number[] = []
  const token = await berth.authorize(TAGGED_REPOSITORY)
  for (let number = 1; number <= DELETED; number++) {
    const digest = `sha256:${number.toString(16).padStart(64, '0')}`
    const startMs = performance.now()
    const url = `${berth.url}/v2/${TAGGED_REPOSITORY}/manifests/${digest}`
    await requestOk(url, { method: 'DELETE', headers: header(token), agent })
    times.push(performance.now() - startMs)
  }
  const figures = { 'median ms': median(times), 'worst ms': Math.max(...times) }
  record({ work: DELETE_WORK, server: NAMES.berth, round: 0, figures })
}
