import { setTimeout as sleep } from 'node:timers/promises'
import { readUsage, resetPeaks } from '../process-usage.ts'
import { pushGenerated } from '../push-image.ts'
import { keepConnections } from '../registry-request.ts'
import { type BenchServer, removeBlobBytes } from '../servers/bench-server.ts'
import { startBerth } from '../servers/start-berth.ts'
import { startDistribution } from '../servers/start-peers.ts'
import { inOrderOfRound, timed } from '../timed.ts'
import { NAMES, type WorkContext } from './work-context.ts'

const REPOSITORY = 'bench/memory'
/** Time until a fresh process is idle, in ms. */
const SETTLE_MS = 2_000

/** Pushes at once. */
interface Burst {
  readonly count: number
  readonly bytes: number
}

/** Resident memory of a fresh process: idle, and at its largest during large pushes. */
export async function measureMemory(context: WorkContext): Promise<void> {
  const { workspace, options } = context
  const starts = [
    () => startBerth(workspace, { name: NAMES.berth }),
    () => startDistribution(workspace, { name: NAMES.distribution, isTls: true }),
  ]
  for (let round = 0; round < options.sizes.memoryRounds; round += 1) {
    for (const start of inOrderOfRound<() => Promise<BenchServer>>(starts, round)) {
      await using server = await start()
      await measureServer(context, { server, round })
    }
  }
}

/** The work's name in tables and bars. */
export function memoryWork({ count, bytes }: Burst): string {
  const size = bytes >= 1024 ** 3 ? `${bytes / 1024 ** 3} GiB` : `${bytes / 1024 ** 2} MiB`
  return count === 1 ? `memory, one push of ${size}` : `memory, ${count} pushes of ${size} at once`
}

async function measureServer(
  context: WorkContext,
  { server, round }: { server: BenchServer; round: number },
): Promise<void> {
  const { sizes } = context.options
  await sleep(SETTLE_MS)
  resetPeaks(server.roots)
  const idleMb = readUsage(server.roots).rssBytes / 1e6
  context.record({
    work: 'memory, idle',
    server: server.name,
    round,
    figures: { 'RSS MB': idleMb },
  })
  for (const burst of [{ count: 1, bytes: sizes.largePushBytes }, ...sizes.manyPushes]) {
    let digests: string[] = []
    const cost = await timed(server.roots, async () => {
      digests = await pushBurst(server, burst)
    })
    const peakMb = cost.peakRssBytes / 1e6
    context.record({
      work: memoryWork(burst),
      server: server.name,
      round,
      figures: {
        'peak RSS MB': peakMb,
        'over idle MB': peakMb - idleMb,
        'MB/s': (burst.count * burst.bytes) / 1e6 / cost.seconds,
      },
    })
    for (const digest of digests) await removeBlobBytes(server, digest)
  }
}

async function pushBurst(server: BenchServer, { count, bytes }: Burst): Promise<string[]> {
  using agent = keepConnections()
  const target = { server, repository: REPOSITORY, agent }
  return await Promise.all(Array.from({ length: count }, () => pushGenerated(target, bytes)))
}
