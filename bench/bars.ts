import { DEAD_SHARES } from './options.ts'
import { ratioWithinRounds, type Sample, summarise } from './samples.ts'
import { linkWork } from './work/adopt.ts'
import { collectionWork, DELETE_WORK } from './work/collection.ts'
import { HOLDERS, SOCKETS_WORK } from './work/idle-sockets.ts'
import { manifestWork, nameBasic, nameContender } from './work/manifest.ts'
import { memoryWork } from './work/memory.ts'
import { LARGE_WORK, MANY_HOSTS, PROXIES, SMALL_WORK } from './work/proxy.ts'
import { retentionWork } from './work/retention.ts'
import { SIZES_WORK } from './work/sizes.ts'
import { pageWork, startWork } from './work/tags.ts'
import { CONNECTIONS, NAMES, nameWork } from './work/work-context.ts'

/** A requirement on Berth: a ratio to another server of the same rounds, or a figure of its own. */
interface Bar {
  readonly work: string
  readonly figure: string
  /** Berth, with its way of logging in if there are several. */
  readonly server: string
  /** Undefined: the bar is for the figure itself. */
  readonly to: string | undefined
  readonly bound: 'at least' | 'less than'
  readonly value: number
}

/** A bar with the measured value. */
export interface Verdict extends Bar {
  readonly measured: number
  readonly isReached: boolean
}

const MIB = 1024 ** 2

/** Servers that each bar of speed applies to: one process, and a worker for each core, as the others use them all. */
const BERTHS = [NAMES.berth, NAMES.workers] as const

/** Every bar; a report leaves out those whose work was not measured. */
const BARS: readonly Bar[] = [
  ...CONNECTIONS.flatMap((connections) => [
    ...pullBars(nameWork('pull over TLS', connections)),
    ...pushBars(nameWork('push over TLS (POST, PUT)', connections)),
    ...pushBars(nameWork('push over TLS (POST, PATCH, PUT)', connections)),
  ]),
  ...[true, false].flatMap((isTls) => manifestBars(manifestWork(isTls))),
  ...[true, false].map((isTls) => postgresBar(manifestWork(isTls))),
  ...proxyBars(),
  own('memory, idle', 'RSS MB', 90),
  own(memoryWork({ count: 1, bytes: 4096 * MIB }), 'over idle MB', 100),
  own(memoryWork({ count: 50, bytes: 64 * MIB }), 'over idle MB', 100),
  own(memoryWork({ count: 100, bytes: 100 * MIB }), 'peak RSS MB', 200),
  ...(['first', 'middle', 'last'] as const).map((place) => own(pageWork(1_000_000, place), 'median ms', 5)),
  own(startWork(1_000_000), 'ms to first answer', 500),
  ...DEAD_SHARES.flatMap((share) => collectionBars(collectionWork(1_000_000, share))),
  // 5,000 manifests a second.
  ...(['adopt', 'leave'] as const).map((way) => own(linkWork(50_000, way), 'seconds', 10)),
  ...[NAMES.berth, NAMES.postgres].flatMap((server) => [
    { ...own(SIZES_WORK.page, 'median ms', 50), server },
    { ...own(SIZES_WORK.ranking, 'median ms', 200), server },
    { ...own(SIZES_WORK.push, 'with to without', 1.05), server },
  ]),
  own(DELETE_WORK, 'median ms', 10),
  ...(['server', 'command'] as const).map((runner) => own(retentionWork(100_000, runner), 'seconds', 30)),
]

/** Compares the samples with the bars they have figures for. */
export function judge(samples: readonly Sample[]): Verdict[] {
  return BARS.flatMap((bar) => {
    const measured = measure(samples, bar)
    if (measured === undefined) return []
    const isReached = bar.bound === 'at least' ? measured >= bar.value : measured < bar.value
    return [{ ...bar, measured, isReached }]
  })
}

function measure(samples: readonly Sample[], { work, figure, server, to }: Bar): number | undefined {
  const of = { work, figure, server }
  if (to === undefined) return summarise(samples, of)?.median
  return ratioWithinRounds(samples, of, { ...of, server: to })
}

/** Pulls and pushes are hardly slower meanwhile, and memory does not grow with the storage. */
function collectionBars(work: string): Bar[] {
  return [
    own(work, 'pull p99 to idle', 1.1),
    own(work, 'push p99 to idle', 1.2),
    own(work, 'server RSS growth MB', 20),
  ]
}

function pullBars(work: string): Bar[] {
  return [
    ...rates(work, NAMES.distribution, 1.5),
    ...rates(work, NAMES.stack, 2),
    ...rates(work, NAMES.files, 0.95),
  ]
}

function pushBars(work: string): Bar[] {
  return [
    ...rates(work, NAMES.distribution, 2),
    ...rates(work, NAMES.stack, 2.5),
    ...rates(work, NAMES.disk, 0.9),
  ]
}

function manifestBars(work: string): Bar[] {
  const bar = { work, figure: 'requests/s', bound: 'at least' } as const
  return BERTHS.flatMap((berth) => {
    const basic = [5, 10].map((cost) => ({
      ...bar,
      server: nameContender(berth, nameBasic(cost)),
      to: nameContender(NAMES.distribution, nameBasic(cost)),
      value: 100,
    }))
    const to = nameContender(NAMES.distribution, 'no log-in')
    return [{ ...bar, server: nameContender(berth, 'bearer token'), to, value: 15 }, ...basic]
  })
}

/** A figure of its own: the peers keep no facts in a database. */
function postgresBar(work: string): Bar {
  const server = nameContender(NAMES.postgres, 'bearer token')
  return { work, figure: 'requests/s', server, to: undefined, bound: 'at least', value: 10_000 }
}

function proxyBars(): Bar[] {
  const small = { work: SMALL_WORK, figure: 'requests/s', server: PROXIES.berth, bound: 'at least' } as const
  return [
    ...[PROXIES.berth, PROXIES.workers].flatMap((server) => [
      { ...small, server, to: PROXIES.caddy, value: 1.2 },
      { ...small, server, to: PROXIES.nginx, value: 0.4 },
    ]),
    { ...small, server: MANY_HOSTS, to: PROXIES.berth, value: 0.95 },
    { ...small, work: LARGE_WORK, figure: 'MB/s', to: PROXIES.nginx, value: 0.8 },
    // 400 MB for 10,000, of which a hundred would be used without any.
    own(SOCKETS_WORK, 'KB/socket', 30),
    // The same relative to Node's own need for one of the two connections.
    {
      work: SOCKETS_WORK,
      figure: 'KB/socket',
      server: HOLDERS.berth,
      to: HOLDERS.bare,
      bound: 'less than',
      value: 1,
    },
  ]
}

function rates(work: string, to: string, value: number): Bar[] {
  return BERTHS.map((server) => ({ work, figure: 'MB/s', server, to, bound: 'at least', value }))
}

function own(work: string, figure: string, value: number): Bar {
  return { work, figure, server: NAMES.berth, to: undefined, bound: 'less than', value }
}
