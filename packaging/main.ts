import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { PackOptions } from './pack-options.ts'
import { MissingTool } from './run-tool.ts'

/** Makes a package. @returns its path. */
type Pack = (options: PackOptions) => Promise<string>

/** The kinds of packages, each with the function that makes one. */
const KINDS: Readonly<Record<string, () => Promise<Pack>>> = {
  executable: async () => (await import('./kinds/executable.ts')).packExecutable,
  deb: async () => (await import('./kinds/system-package.ts')).packDeb,
  rpm: async () => (await import('./kinds/system-package.ts')).packRpm,
  image: async () => (await import('./kinds/image.ts')).packImage,
  chart: async () => (await import('./kinds/chart.ts')).packChart,
  npm: async () => (await import('./kinds/npm.ts')).packNpm,
}

const USAGE = `npm run package -- KIND [--output DIR] [--reproducible]

KIND: ${Object.keys(KINDS).join(', ')}
--output DIR     where the result is written (default: dist-packages)
--reproducible   the same sources give the same bytes; see docs/install.md for what that costs`

// Files of packages have the same rights whoever makes them.
process.umask(0o022)
process.exitCode = await main(process.argv.slice(2))

async function main(argv: string[]): Promise<number> {
  const parsed = parseLine(argv)
  if (typeof parsed === 'string') {
    console.error(`error[USAGE]: ${parsed}\n\n${USAGE}`)
    return 2
  }
  const folder = resolve(parsed.output ?? fileURLToPath(new URL('../dist-packages', import.meta.url)))
  await mkdir(folder, { recursive: true })
  const pack = await parsed.load()
  try {
    console.log(await pack({ folder, isReproducible: parsed.isReproducible }))
    return 0
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    console.error(`error[TOOL_MISSING]: ${error.message}`)
    return 1
  }
}

interface Line {
  readonly load: () => Promise<Pack>
  readonly output: string | undefined
  readonly isReproducible: boolean
}

/** Returns a message if it is no such line. */
function parseLine(argv: string[]): Line | string {
  try {
    const { positionals, values } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { output: { type: 'string' }, reproducible: { type: 'boolean', default: false } },
    })
    const [kind, ...more] = positionals
    if (kind === undefined) return 'The kind of package is missing'
    if (more.length > 0) return 'One kind at a time'
    const load = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined
    if (!load) return `There is no kind "${kind}"`
    return { load, output: values.output, isReproducible: values.reproducible }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
