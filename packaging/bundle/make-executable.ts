import { chmod, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Architecture, findOwnArchitecture } from '../architecture.ts'
import { runTool } from '../run-tool.ts'
import { makeBundle } from './bundle.ts'
import { type NodeProgram, writeNode } from './node-program.ts'

/**
 * Options of Node for the executable, the same as those of `bin/berth`: a larger nursery, which saves processor time of
 * small requests, and no signal that opens a debugger.
 */
const NODE_OPTIONS = ['--max-semi-space-size=8', '--disable-sigusr1']

interface Executable {
  readonly file: string
  /** Folder of the files that it is made from. */
  readonly parts: string
  readonly isReproducible: boolean
  readonly architecture: Architecture
}

/**
 * Makes the executable, and the files that it is made from.
 *
 * It holds V8's cache of compiled code, which makes the start as fast as that of the npm package, but differs from build
 * to build. `isReproducible` leaves the cache out: then the same sources give the same bytes, and the start takes 0.1 s
 * longer. There is none for another architecture either, whose Node cannot compile here. @returns its Node.
 */
export async function makeExecutable({
  file,
  parts,
  isReproducible,
  architecture,
}: Executable): Promise<NodeProgram> {
  const { main, threads } = await makeBundle(parts)
  const node = await writeNode(join(parts, 'node'), architecture)
  const settings = {
    main,
    mainFormat: 'module',
    executable: 'node',
    // Paths are relative, as the executable holds that of its bundle.
    output: 'berth',
    assets: threads,
    execArgv: NODE_OPTIONS,
    disableExperimentalSEAWarning: true,
    useCodeCache: !isReproducible && architecture === findOwnArchitecture(),
  }
  await writeFile(join(parts, 'executable.json'), `${JSON.stringify(settings, null, 2)}\n`)
  await runTool(process.execPath, ['--build-sea=executable.json'], parts)
  await chmod(join(parts, 'berth'), 0o755)
  await rename(join(parts, 'berth'), file)
  return node
}
