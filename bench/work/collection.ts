import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { part } from '../../test/parts/find-parts.ts'
import { blobFile } from '../../test/support/content/blob-file.ts'
import { runOk } from '../../test/support/machine/run-command.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import { writeLinks } from '../distribution-links.ts'
import { readUsage } from '../process-usage.ts'
import { header, pushImage, putManifest, type Target } from '../push-image.ts'
import { type KeptConnections, keepConnections, requestOk } from '../registry-request.ts'
import { median, percentile } from '../samples.ts'
import { type SeededImage, seedImages } from '../seed-images.ts'
import { seedTags } from '../seed-tags.ts'
import { formatRegistryConfig } from '../servers/registry-config.ts'
import { type BenchBerth, startBerth } from '../servers/start-berth.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

const PUSHED_REPOSITORY = 'bench/pushed'
const TAGGED_REPOSITORY = 'bench/tagged'
/** Tags of the repository in which manifests are deleted, and manifests deleted there. */
const TAGS = 20_000
const DELETED = 20
/** Requests at once, of each kind. */
const CLIENTS = 2
/** A token outlives the collection. */
const TOKEN_FLAGS = ['--token-lifetime', '3600']
/** Age of seeded entries, at least, in ms. */
const QUEUED_BEFORE_MS = 24 * 3_600_000
/** Pause between two looks at the queue, in ms. */
const QUEUE_LOOK_MS = 1_000
/** Steps of the collection of one image: ten of its manifest, and two of each of its eleven blobs. */
const STEPS_PER_IMAGE = 32
/** Longest preparation or collection of Distribution, in ms. */
const MAX_COMMAND_MS = 3_600_000
/** Requests are sent for at most so long beside a collection, in ms; it goes on without them. */
const MAX_MEASURED_MS = 200_000

/** The work's name in tables and bars. */
export function collectionWork(blobs: number, deadShare: number): string {
  return `collection, ${blobs.toLocaleString('en')} blobs, ${deadShare * 100} % dead`
}

/** The work's name in tables and bars. */
export const DELETE_WORK: string = `delete of a manifest beside ${TAGS.toLocaleString('en')} tags`

/** Collection of very many blobs beside pulls and pushes, and Distribution's own on the same images. */
export async function measureCollection(context: WorkContext): Promise<void> {
  for (const deadShare of context.options.deadShares) await measureShare(context, deadShare)
}

async function measureShare(context: WorkContext, deadShare: number): Promise<void> {
  const { workspace, options, record } = context
  const { collectRate, sizes } = options
  const { collectedBlobs } = sizes
  const work = collectionWork(collectedBlobs, deadShare)
  await using kept = keepServers()
  const flags = ['--collect-rate', String(collectRate), ...TOKEN_FLAGS]
  const berth = kept.add(await startBerth(workspace, { name: NAMES.berth, flags }))
  await berth.stop()
  const images = seedImages({ dataDir: berth.dataDir, blobs: collectedBlobs, deadShare })
  const isFirst = deadShare === options.deadShares[0]
  if (isFirst) seedTags({ dataDir: berth.dataDir, repository: TAGGED_REPOSITORY, count: TAGS })
  const copy = await copyForDistribution(workspace, { dataDir: berth.dataDir, images })
  const dead = images.filter(({ isDead }) => isDead).length
  await berth.startAgain()
  await measureBeside(context, { berth, work, images })
  // Half as long again as its pace allows.
  const seconds = await followCollection(berth, ((dead * STEPS_PER_IMAGE) / collectRate) * 1_500 + 120_000)
  checkFiles(berth.dataDir, images)
  if (isFirst) await measureDeletes(context, berth)
  const distributionS = await runDistribution(copy)
  checkFiles(copy.root, images)
  // Beside whatever else runs: neither is held against a bar.
  record({ work: `${work}, the rest after that`, server: NAMES.berth, round: 0, figures: { seconds } })
  const figures = { seconds: distributionS, 'images removed': dead }
  record({ work, server: NAMES.distribution, round: 0, figures })
}

/** Requests before the server's own collection, which begins a minute after its start, and beside it. */
async function measureBeside(
  { options, record }: WorkContext,
  { berth, work, images }: { berth: BenchBerth; work: string; images: readonly SeededImage[] },
): Promise<void> {
  const total = countQueue(berth)
  const hasBegun = async (): Promise<void> => {
    const end = performance.now() + MAX_MEASURED_MS
    while (countQueue(berth) === total) {
      if (performance.now() > end) throw new Error('no collection has begun')
      await sleep(QUEUE_LOOK_MS)
    }
  }
  const idle = await measureRequests(berth, {
    images,
    meanwhile: options.isSmoke ? () => sleep(options.sizes.loadS * 1_000) : hasBegun,
  })
  let rssGrowth = 0
  const startMs = performance.now()
  const busy = await measureRequests(berth, {
    images,
    meanwhile: async () => {
      const before = readUsage(berth.roots).rssBytes
      const end = performance.now() + MAX_MEASURED_MS
      if (options.isSmoke) await runOk(BERTH_BIN, ['gc', '--data', berth.dataDir])
      while (countQueue(berth) > 0 && performance.now() < end) {
        await sleep(QUEUE_LOOK_MS)
        rssGrowth = Math.max(rssGrowth, readUsage(berth.roots).rssBytes - before)
      }
    },
  })
  const figures = {
    'seconds beside requests': (performance.now() - startMs) / 1_000,
    'images due': images.filter(({ isDead }) => isDead).length,
    'steps/s': options.collectRate,
    'pull p99 ms': busy.pull,
    'pull p99 to idle': busy.pull / idle.pull,
    'push p99 ms': busy.push,
    'push p99 to idle': busy.push / idle.push,
    'server RSS growth MB': rssGrowth / 1024 ** 2,
  }
  record({ work, server: NAMES.berth, round: 0, figures })
}

/** Links to the same files, which each of both removes for itself, and Distribution's own facts. */
async function copyForDistribution(
  workspace: WorkContext['workspace'],
  { dataDir, images }: { dataDir: string; images: readonly SeededImage[] },
): Promise<{ root: string; config: string }> {
  const folder = await workspace.folder('distribution-collection')
  const [root, config] = [join(folder, 'root'), join(folder, 'config.yml')]
  await mkdir(root)
  await runOk('cp', ['-al', join(dataDir, 'docker'), root], { timeoutMs: MAX_COMMAND_MS })
  writeLinks(root, images)
  await writeFile(config, formatRegistryConfig({ root, port: 1 }))
  return { root, config }
}

async function runDistribution({ config }: { config: string }): Promise<number> {
  const startMs = performance.now()
  const options = { timeoutMs: MAX_COMMAND_MS }
  await runOk(part('docker-registry'), ['garbage-collect', '--delete-untagged', config], options)
  return (performance.now() - startMs) / 1_000
}

/** Waits for the end of a collection, so long at most. Returns the seconds that were left. */
async function followCollection(berth: BenchBerth, limitMs: number): Promise<number> {
  const startMs = performance.now()
  for (let left = countQueue(berth); left > 0; left = countQueue(berth)) {
    if (performance.now() - startMs > limitMs) throw new Error(`${left} entries are left`)
    await sleep(QUEUE_LOOK_MS)
  }
  return (performance.now() - startMs) / 1_000
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
      if (existsSync(blobFile(root, digest)) === isDead) {
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
