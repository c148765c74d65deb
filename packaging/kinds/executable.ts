import { chmod, copyFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBundle } from '../bundle/bundle.ts'
import type { PackOptions } from '../pack-options.ts'
import { runTool } from '../run-tool.ts'

/**
 * Options of Node for the executable, the same as those of `bin/berth`: a larger nursery, which saves processor time of
 * small requests, and no signal that opens a debugger.
 */
const NODE_OPTIONS = ['--max-semi-space-size=8', '--disable-sigusr1']

/**
 * Makes `berth`, the program with its Node in one file, and `bundle/` beside it, from which it is made.
 *
 * It holds V8's cache of compiled code, which makes the start as fast as that of the npm package, but differs from build
 * to build. `isReproducible` leaves the cache out: then the same sources give the same bytes, and the start takes 0.1 s
 * longer. @returns the path of the executable.
 */
export async function packExecutable({ folder, isReproducible }: PackOptions): Promise<string> {
  const parts = join(folder, 'bundle')
  const { main, threads } = await makeBundle(parts)
  await stripNode(join(parts, 'node'))
  const settings = {
    main,
    mainFormat: 'module',
    executable: 'node',
    // Paths are relative, as the executable holds that of its bundle.
    output: 'berth',
    assets: threads,
    execArgv: NODE_OPTIONS,
    disableExperimentalSEAWarning: true,
    useCodeCache: !isReproducible,
  }
  await writeFile(join(parts, 'executable.json'), `${JSON.stringify(settings, null, 2)}\n`)
  await runTool(process.execPath, ['--build-sea=executable.json'], parts)
  await chmod(join(parts, 'berth'), 0o755)
  await rename(join(parts, 'berth'), join(folder, 'berth'))
  return join(folder, 'berth')
}

/** Copies this Node without its symbols, a fifth of it. Errors: `strip` (binutils) is missing. */
async function stripNode(file: string): Promise<void> {
  await copyFile(process.execPath, file)
  await runTool('strip', ['--strip-all', file])
}
