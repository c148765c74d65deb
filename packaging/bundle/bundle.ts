import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import { bundleOwnFiles } from './own-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Names of a bundle's files in its folder. */
interface Bundle {
  readonly main: string
  /** The program of each thread, by its name among the assets. */
  readonly threads: Readonly<Record<string, string>>
}

/** Bundles the program into one file, and each of its threads into another. The same sources give the same bytes. */
export async function makeBundle(folder: string): Promise<Bundle> {
  await mkdir(folder, { recursive: true })
  const found = new Set<string>()
  const main = 'berth.mjs'
  await build(options({ entry: 'packaging/bundle/entry.ts', outfile: join(folder, main), threads: found }))
  const threads: Record<string, string> = {}
  for (const entry of [...found].sort()) {
    const file = `${entry.replaceAll('/', '-').replace(/\.ts$/, '')}.mjs`
    await build(options({ entry, outfile: join(folder, file), threads: new Set() }))
    threads[entry] = file
  }
  return { main, threads }
}

interface BundleFile {
  readonly entry: string
  readonly outfile: string
  readonly threads: Set<string>
}

function options({ entry, outfile, threads }: BundleFile): BuildOptions {
  return {
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    minify: true,
    // Some errors are distinguished by the name of their class.
    keepNames: true,
    legalComments: 'none',
    // CommonJS packages load built-in modules by `require`, which an ES module lacks.
    banner: { js: "import { createRequire as __c } from 'node:module'; const require = __c('/');" },
    // Loaded by `pg` only if it is installed, which it is not.
    external: ['pg-native', 'cloudflare:sockets'],
    plugins: [threadReader, bundleOwnFiles(ROOT, threads)],
    logLevel: 'warning',
  }
}

/** Gives the program of a thread, from the executable's assets, as `new Worker()` takes it. */
const READ_THREAD = [
  "import { getAsset } from 'node:sea'",
  "const read = (name) => new URL('data:text/javascript,' + encodeURIComponent(getAsset(name, 'utf8')))",
  'export { read as readThread }',
].join('\n')

const threadReader: Plugin = {
  name: 'thread-reader',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^berth:threads$/ }, ({ path }) => ({ path, namespace: 'threads' }))
    onLoad({ filter: /^berth:threads$/, namespace: 'threads' }, () => ({ contents: READ_THREAD }))
  },
}
