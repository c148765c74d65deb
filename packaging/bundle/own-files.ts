import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import type { OnLoadResult, Plugin } from 'esbuild'

/** `new URL('./x.ts', import.meta.url)`, also with an ending that depends on the build. */
const THREAD_URL = /new URL\(\s*(['"`])\.\/([\w-]+)(?:\$\{[^}]*\}|\.ts)\1,\s*import\.meta\.url,?\s*\)/g
const REQUIRE = /createRequire\(import\.meta\.url\)/g
const IMPORT_OF_REQUIRE = /^import \{ createRequire \} from 'node:module'\n/m
/** The file that the primary starts for each worker: an executable starts itself, whatever the name. */
const WORKER_FILE = /^.*import\.meta\.url\.endsWith.*\n/m
const WORKER_PROGRAM = 'fileURLToPath(new URL(file, import.meta.url))'

/**
 * Makes the sources independent of their places on disk, which a bundle lacks. Files of threads become assets, and their
 * names are added to `threads`; packages loaded by `createRequire()` become parts of the bundle that still run at
 * their first use; the version is written into the bundle.
 *
 * Errors: a source still uses `import.meta` after that.
 */
export function bundleOwnFiles(root: string, threads: Set<string>): Plugin {
  return {
    name: 'own-files',
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
        const place = relative(root, path)
        return place.startsWith('src/') ? loadSource(root, place, threads) : undefined
      })
    },
  }
}

function loadSource(root: string, place: string, threads: Set<string>): OnLoadResult | undefined {
  const options = { loader: 'ts', resolveDir: join(root, dirname(place)) } as const
  if (place === 'src/app/product.ts') return { ...options, contents: versionSource(root) }
  const source = readFileSync(join(root, place), 'utf8')
  if (!source.includes('import.meta')) return undefined
  const { contents, found } = rewriteSource(source, dirname(place))
  for (const thread of found) threads.add(thread)
  if (!contents.includes('import.meta')) return { ...options, contents }
  return { errors: [{ text: `${place} uses import.meta in a way that packaging/bundle/own-files.ts lacks` }] }
}

/** A source that uses no place of its own. `found`: the files of its threads, from the checkout's root. */
function rewriteSource(source: string, folder: string): { contents: string; found: string[] } {
  const found: string[] = []
  const contents = source
    .replace(THREAD_URL, (_all, _quote, name: string) => {
      found.push(join(folder, `${name}.ts`))
      return `readThread(${JSON.stringify(found.at(-1))})`
    })
    .replace(REQUIRE, 'require')
    .replace(IMPORT_OF_REQUIRE, '')
    .replace(WORKER_PROGRAM, 'process.execPath')
    .replace(WORKER_FILE, '')
  const importLine = "import { readThread } from 'berth:threads'\n"
  return { contents: found.length > 0 ? importLine + contents : contents, found }
}

function versionSource(root: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return `export function readVersion(): string { return ${JSON.stringify(version)} }`
}
