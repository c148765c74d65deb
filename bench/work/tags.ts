import { header, pushImage, putManifest, type Target } from '../push-image.ts'
import { type KeptConnections, keepConnections, requestOk } from '../registry-request.ts'
import { median } from '../samples.ts'
import { seedTags } from '../seed-tags.ts'
import type { BenchServer } from '../servers/bench-server.ts'
import { type BenchBerth, startBerth } from '../servers/start-berth.ts'
import { startDistribution } from '../servers/start-peers.ts'
import { inOrderOfRound } from '../timed.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

const REPOSITORY = 'bench/tags'
const SEEDED_REPOSITORY = 'bench/seeded'
/** Tags of a page. */
const PAGE = 1_000
/** Pages requested in a row; the figure is their median. */
const REQUESTS = 20
/** Tags pushed at once. */
const PUSHERS = 8

/** Pages of tags out of few and of very many, and the effect of very many rows on the start. */
export async function measureTags(context: WorkContext): Promise<void> {
  const { workspace, options } = context
  await using kept = keepServers()
  const berth = kept.add(await startBerth(workspace, { name: NAMES.berth }))
  const servers = [
    berth,
    kept.add(await startDistribution(workspace, { name: NAMES.distribution, isTls: true })),
  ]
  const pushed = options.sizes.pushedTags
  for (const server of servers) await pushTags(context, server)
  for (let round = 0; round < options.rounds; round += 1) {
    for (const server of inOrderOfRound<BenchServer>(servers, round)) {
      await measurePages(context, { server, round, repository: REPOSITORY, count: pushed })
    }
  }
  await measureStarts(context, { berth, work: startWork(0) })
  await berth.stop()
  seedTags({ dataDir: berth.dataDir, repository: SEEDED_REPOSITORY, count: options.sizes.seededTags })
  await berth.startAgain()
  await measureStarts(context, { berth, work: startWork(options.sizes.seededTags) })
  for (let round = 0; round < options.rounds; round += 1) {
    const count = options.sizes.seededTags
    await measurePages(context, { server: berth, round, repository: SEEDED_REPOSITORY, count })
  }
}

/** The work's name in tables and bars. */
export function startWork(rows: number): string {
  return `start, ${rows === 0 ? 'few' : rows.toLocaleString('en')} manifests`
}

/** The work's name in tables and bars. */
export function pageWork(count: number, where: PagePlace): string {
  return `page of ${PAGE.toLocaleString('en')} tags out of ${count.toLocaleString('en')}, ${where}`
}

/** Place of a page. */
type PagePlace = 'first' | 'middle' | 'last'

/** Name of a tag, pushed or seeded: all of one length, so that their order is that of their numbers. */
function tagName(index: number): string {
  return `v${String(index).padStart(7, '0')}`
}

async function pushTags(context: WorkContext, server: BenchServer): Promise<void> {
  const { pushedTags } = context.options.sizes
  using agent = keepConnections()
  const target: Target = { server, repository: REPOSITORY, agent }
  const manifest = await pushImage(target)
  const startMs = performance.now()
  let next = 0
  const push = async (): Promise<void> => {
    const authorization = await server.authorize(REPOSITORY)
    while (next < pushedTags) {
      next += 1
      await putManifest(target, { tag: tagName(next), manifest, authorization })
    }
  }
  await Promise.all(Array.from({ length: PUSHERS }, push))
  const rate = pushedTags / ((performance.now() - startMs) / 1000)
  context.record({
    work: `tagging, ${PUSHERS} connections`,
    server: server.name,
    round: 0,
    figures: { 'tags/s': rate },
  })
}

async function measurePages(
  context: WorkContext,
  of: { server: BenchServer; round: number; repository: string; count: number },
): Promise<void> {
  const { server, round, repository, count } = of
  const places = { first: 0, middle: Math.floor(count / 2), last: Math.max(0, count - PAGE) } as const
  using agent = keepConnections()
  for (const place of ['first', 'middle', 'last'] as const) {
    const last = places[place] === 0 ? '' : `&last=${tagName(places[place])}`
    const url = `${server.url}/v2/${repository}/tags/list?n=${PAGE}${last}`
    const authorization = await server.authorize(repository)
    const requests: PageRequest[] = []
    for (let count = 0; count < REQUESTS; count += 1)
      requests.push(await requestPage(url, { authorization, agent }))
    const times = requests.map(({ ms }) => ms)
    context.record({
      work: pageWork(count, place),
      server: server.name,
      round,
      figures: {
        'median ms': median(times),
        'worst ms': Math.max(...times),
        'tags answered': requests[0]?.tags ?? 0,
      },
    })
  }
}

interface PageRequest {
  readonly ms: number
  readonly tags: number
}

async function requestPage(
  url: string,
  { authorization, agent }: { authorization: string | undefined; agent: KeptConnections },
): Promise<PageRequest> {
  const startMs = performance.now()
  const { body } = await requestOk(url, { headers: header(authorization), agent })
  const ms = performance.now() - startMs
  const { tags }: { tags: string[] | null } = JSON.parse(body.toString())
  return { ms, tags: tags?.length ?? 0 }
}

async function measureStarts(
  context: WorkContext,
  { berth, work }: { berth: BenchBerth; work: string },
): Promise<void> {
  for (let round = 0; round < context.options.rounds; round += 1) {
    await berth.stop()
    const seconds = await berth.startAgain()
    context.record({ work, server: berth.name, round, figures: { 'ms to first answer': seconds * 1000 } })
  }
}
