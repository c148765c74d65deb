import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { runOk } from '../../test/support/machine/run-command.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import { pushImage, putManifest, type Target } from '../push-image.ts'
import { keepConnections } from '../registry-request.ts'
import { percentile } from '../samples.ts'
import { seedTags } from '../seed-tags.ts'
import { type BenchBerth, startBerth } from '../servers/start-berth.ts'
import { keepServers, NAMES, type WorkContext } from './work-context.ts'

const PUSHED_REPOSITORY = 'bench/pushed'
/** Tags pushed at once, meanwhile. */
const PUSHERS = 2
/** Longest wait for the server's own run, which begins 90 s after the start, and for its end. */
const MAX_WAIT_MS = 300_000
const POLL_MS = 200
/** Tags that stay. */
const KEPT = 10
const SEEDED_AGE_MS = 60 * 24 * 3_600_000

const POLICIES = `policies:
  - repositories: ['bench/seeded-*']
    retention:
      rules:
        - {tags: ['*'], keep: {newest: ${KEPT}, pulled-within: 30d}}
`

/** Process that runs retention. */
type Runner = 'server' | 'command'

/** The work's name in tables and bars. */
export function retentionWork(count: number, runner: Runner): string {
  return `retention over ${count.toLocaleString('en')} tags by the ${runner}`
}

/** Time of a run over very many tags, nearly all of which end, and the delay of pushes meanwhile. */
export async function measureRetention(context: WorkContext): Promise<void> {
  const { workspace, options, record } = context
  await using kept = keepServers()
  const berth = kept.add(await startBerth(workspace, { name: NAMES.berth }))
  const idle = await measurePushes(berth, () => sleep(options.sizes.loadS * 1_000))
  record({ work: 'pushes without retention', server: berth.name, round: 0, figures: idle })
  const policies = join(berth.dataDir, 'policies.yaml')
  await writeFile(policies, POLICIES)
  await runOk(BERTH_BIN, ['policy', 'apply', policies, '--data', berth.dataDir])
  // The server's own run comes first: it waits for an hour after any other.
  const runners: readonly Runner[] = options.isSmoke ? ['command'] : ['server', 'command']
  for (const runner of runners) {
    const count = options.sizes.retainedTags
    await berth.stop()
    seedTags({ dataDir: berth.dataDir, repository: `bench/seeded-${runner}`, count, ageMs: SEEDED_AGE_MS })
    await berth.startAgain()
    const before = readLastRun(berth)?.id ?? 0
    if (runner === 'server') await waitForRun(berth, (run) => run.id > before)
    const pushes = await measurePushes(berth, async () => {
      if (runner === 'server') return waitForRun(berth, (run) => run.ended_at !== null)
      return runOk(BERTH_BIN, ['retention', 'run', '--data', berth.dataDir], { timeoutMs: MAX_WAIT_MS })
    })
    const run = readLastRun(berth)
    if (run?.ended_at == null || run.tags_ended !== count - KEPT) {
      throw new Error(`not all old tags ended: ${JSON.stringify(run)}`)
    }
    const seconds = (run.ended_at - run.started_at) / 1_000
    const ratio = pushes['p99 ms'] / idle['p99 ms']
    const figures = { seconds, ...pushes, 'p99 to idle': ratio }
    record({ work: retentionWork(count, runner), server: berth.name, round: 0, figures })
  }
}

interface RunRow {
  readonly id: number
  readonly started_at: number
  readonly ended_at: number | null
  readonly tags_ended: number
}

function readLastRun({ dataDir }: BenchBerth): RunRow | undefined {
  using database = new DatabaseSync(join(dataDir, 'berth.db'), { readOnly: true })
  const row = database
    .prepare('select id, started_at, ended_at, tags_ended from retention_runs order by id desc limit 1')
    .get()
  return row as unknown as RunRow | undefined
}

async function waitForRun(berth: BenchBerth, isReached: (run: RunRow) => boolean): Promise<void> {
  const end = performance.now() + MAX_WAIT_MS
  for (;;) {
    const run = readLastRun(berth)
    if (run && isReached(run)) return
    if (performance.now() > end) throw new Error(`no run of retention within ${MAX_WAIT_MS} ms`)
    await sleep(POLL_MS)
  }
}

/** Pushes tags of one image while something else is under way. */
async function measurePushes(
  server: BenchBerth,
  meanwhile: () => Promise<unknown>,
): Promise<{ 'push/s': number; 'p50 ms': number; 'p99 ms': number; 'worst ms': number }> {
  using agent = keepConnections()
  const target: Target = { server, repository: PUSHED_REPOSITORY, agent }
  const manifest = await pushImage(target)
  const times: number[] = []
  const startMs = performance.now()
  let isOver = false
  const push = async (pusher: number): Promise<void> => {
    const authorization = await server.authorize(PUSHED_REPOSITORY)
    for (let number = 0; !isOver; number++) {
      const pushMs = performance.now()
      await putManifest(target, { tag: `t${pusher}-${number % 100}`, manifest, authorization })
      times.push(performance.now() - pushMs)
    }
  }
  const pushes = Array.from({ length: PUSHERS }, (_, pusher) => push(pusher))
  try {
    await meanwhile()
  } finally {
    isOver = true
    await Promise.all(pushes)
  }
  return {
    'push/s': times.length / ((performance.now() - startMs) / 1_000),
    'p50 ms': percentile(times, 50),
    'p99 ms': percentile(times, 99),
    'worst ms': Math.max(...times),
  }
}
