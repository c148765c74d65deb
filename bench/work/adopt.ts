import { createDistributionTree } from '../../test/support/content/distribution-tree.ts'
import { runOk } from '../../test/support/machine/run-command.ts'
import { BERTH_BIN } from '../../test/support/program/boot-berth.ts'
import { NAMES, type WorkContext } from './work-context.ts'

/** Repositories of the folder: each has as many manifests. */
const REPOSITORIES = 100
/** Longest run of a command, in ms. */
const MAX_WAIT_MS = 600_000

/** The two ways between Distribution and Berth. */
type Way = 'adopt' | 'leave'

/** The work's name in tables and bars. */
export function linkWork(count: number, way: Way): string {
  return `${way}, ${count.toLocaleString('en')} manifests`
}

/** Manifests a second, each with a config, a layer of its own, a shared one and a tag: in, and out again. */
export async function measureAdopt({ workspace, options, record }: WorkContext): Promise<void> {
  const count = options.sizes.adoptedManifests
  for (let round = 0; round < options.rounds; round++) {
    const root = await workspace.folder(`adopt-${round}`)
    const tree = createDistributionTree(root)
    for (let at = 0; at < count; at++) {
      const name = `team/app${at % REPOSITORIES}`
      tree.image(name, `image ${at}`, { tag: `v${at}` })
      if (at < REPOSITORIES) tree.layer(name, 'shared')
    }
    for (const way of ['adopt', 'leave'] as const) {
      const startedAt = performance.now()
      await runOk(BERTH_BIN, [way, root, '--json'], { timeoutMs: MAX_WAIT_MS })
      const seconds = (performance.now() - startedAt) / 1_000
      const figures = { 'manifests/s': count / seconds, seconds }
      record({ work: linkWork(count, way), server: NAMES.berth, round, figures })
    }
  }
}
