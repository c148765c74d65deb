import { mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { ARCHITECTURES, findOwnArchitecture, isArchitecture } from './architecture.ts'
import type { PackOptions } from './pack-options.ts'
import { MissingTool } from './run-tool.ts'

/** Makes a package. @returns its path. */
type Pack = (options: PackOptions) => Promise<string>

interface Kind {
  readonly load: () => Promise<Pack>
  /** Flags that it has, besides `--output`. */
  readonly flags: readonly ('arch' | 'reproducible')[]
  /** One package may be for several architectures. */
  readonly isForSeveral?: boolean
}

const KINDS: Readonly<Record<string, Kind>> = {
  executable: {
    load: async () => (await import('./kinds/executable.ts')).packExecutable,
    flags: ['arch', 'reproducible'],
  },
  deb: {
    load: async () => (await import('./kinds/system-package.ts')).packDeb,
    flags: ['arch', 'reproducible'],
  },
  rpm: {
    load: async () => (await import('./kinds/system-package.ts')).packRpm,
    flags: ['arch', 'reproducible'],
  },
  image: {
    load: async () => (await import('./kinds/image.ts')).packImage,
    flags: ['arch'],
    isForSeveral: true,
  },
  chart: { load: async () => (await import('./kinds/chart.ts')).packChart, flags: [] },
  npm: { load: async () => (await import('./kinds/npm.ts')).packNpm, flags: [] },
}

const USAGE = `npm run package -- KIND [--output DIR] [--arch ARCH] [--reproducible]

KIND: ${Object.keys(KINDS).join(', ')}
--output DIR     where the result is written (default: dist-packages)
--arch ARCH      amd64 or arm64, of executable, deb, rpm and image (default: that of this machine); of an image also
                 both, as amd64,arm64
--reproducible   of executable, deb and rpm: the same sources give the same bytes; see docs/install.md for what that
                 costs. An image always is`

// Files of packages have the same rights whoever makes them.
process.umask(0o022)
process.exitCode = await main(process.argv.slice(2))

async function main(argv: string[]): Promise<number> {
  const parsed = parseLine(argv)
  if (typeof parsed === 'string') {
    console.error(`error[USAGE]: ${parsed}\n\n${USAGE}`)
    return 2
  }
  const { isReproducible, architectures } = parsed
  const folder = resolve(parsed.output ?? fileURLToPath(new URL('../dist-packages', import.meta.url)))
  await mkdir(folder, { recursive: true })
  const pack = await parsed.load()
  try {
    console.log(await pack({ folder, isReproducible, architectures }))
    return 0
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    console.error(`error[TOOL_MISSING]: ${error.message}`)
    return 1
  }
}

interface Line extends Omit<PackOptions, 'folder'> {
  readonly load: () => Promise<Pack>
  readonly output: string | undefined
}

/** Returns a message if it is no such line. */
function parseLine(argv: string[]): Line | string {
  try {
    const { positionals, values } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: { output: { type: 'string' }, arch: { type: 'string' }, reproducible: { type: 'boolean' } },
    })
    const [name, ...more] = positionals
    if (name === undefined) return 'The kind of package is missing'
    if (more.length > 0) return 'One kind at a time'
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
    if (!kind) return `There is no kind "${name}"`
    for (const flag of ['arch', 'reproducible'] as const)
      if (values[flag] !== undefined && !kind.flags.includes(flag)) return `${name} has no flag --${flag}`
    // Kinds without the flag are the same for all architectures, and can be made on any machine.
    const hasArchitecture = kind.flags.includes('arch')
    const architectures = hasArchitecture ? parseArchitectures(values.arch) : (['amd64'] as const)
    if (typeof architectures === 'string') return architectures
    if (architectures.length > 1 && !kind.isForSeveral) return `${name} takes one architecture`
    return {
      load: kind.load,
      output: values.output,
      isReproducible: values.reproducible ?? false,
      architectures,
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Reads the value of `--arch`. Returns a message if a name is unknown, or given twice. */
function parseArchitectures(text: string | undefined): PackOptions['architectures'] | string {
  const names = text?.split(',') ?? [findOwnArchitecture() ?? process.arch]
  const known = names.filter(isArchitecture)
  const unknown = names.find((name) => !isArchitecture(name))
  if (unknown !== undefined)
    return `There are no packages for "${unknown}": --arch is ${Object.keys(ARCHITECTURES).join(' or ')}`
  const [first, ...others] = known
  if (first === undefined || new Set(known).size < known.length) return '--arch has a name twice'
  return [first, ...others]
}
