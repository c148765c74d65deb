import { existsSync, globSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProcesses } from './run-processes.ts'
import { shareProcesses } from './share-process.ts'

/** Longest run of one test, in ms: a stuck one must not hold the build for ever, a busy machine must not fail one. */
const TEST_TIMEOUT_MS = 300_000
/**
 * Processes of tests at once: more than cores, as some of them wait for disks and clocks. Of unit tests more wait, and
 * fewer start servers; beyond these numbers timings only get noisier.
 */
const CONCURRENCY = {
  unit: Math.min(4, availableParallelism() + 2),
  all: Math.min(4, availableParallelism() + 1),
}
/** Tests that wait for clocks more than they compute. */
const WAITING = ['src/front-door/forward/', 'src/front-door/exchange/', 'src/front-door/answer/']
/** Races of the database, which need no server: unit tests as well. */
const RACES = 'test/races/database/*.test.ts'
/** Suites that need more than Node and have a script of their own. */
const OWN_SCRIPT = ['test/clients/', 'test/crash/', 'test/faults/', 'test/front-door/', 'test/packaging/']

/**
 * Settings of the unit tests alone, which `npm run ok` runs before each commit; all of `npm test` runs both engines, each
 * of whose servers takes seconds to start, and the whole of the random inputs.
 */
const UNIT_SETTINGS = { BERTH_TEST_ENGINES: 'sqlite', BERTH_TEST_FUZZ: '0.1' }
/** A file system in memory, and the free bytes that unit tests need there. */
const MEMORY_FOLDER = '/dev/shm'
const MIN_MEMORY_BYTES = 2 * 1024 ** 3

const root = fileURLToPath(new URL('..', import.meta.url))
const [scope, ...rest] = process.argv.slice(2)
// Each file is a process, and many start servers: half the time of most was spent on compiling the same sources again.
process.env.NODE_COMPILE_CACHE ??= `${root}node_modules/.cache/berth`

if (scope === 'unit') Object.assign(process.env, { ...UNIT_SETTINGS, ...findMemoryFolder(), ...process.env })

if (rest.length > 0) fail(`unknown argument "${rest[0]}"`)
const files = testFiles(scope)
if (files.length === 0) fail(`no test file matches "${scope ?? ''}"`)
const entryFolder = mkdtempSync(join(tmpdir(), 'berth-tests-'))
process.on('exit', () => rmSync(entryFolder, { recursive: true, force: true }))
const processes = shareProcesses(
  files.map((file) => `${root}${file}`),
  { root, shared: 'src/', entryFolder },
)
runProcesses(processes, {
  cwd: root,
  concurrency: scope === 'unit' ? CONCURRENCY.unit : CONCURRENCY.all,
  testTimeoutMs: TEST_TIMEOUT_MS,
})

/**
 * Temporary folders in memory, where there is room: a third of the unit tests write files, and none is about what a disk
 * holds after a failure of its power. `npm test` runs the same tests on the disk.
 */
function findMemoryFolder(): { readonly TMPDIR?: string } {
  if (!existsSync(MEMORY_FOLDER)) return {}
  const { bavail, bsize } = statfsSync(MEMORY_FOLDER)
  return bavail * bsize >= MIN_MEMORY_BYTES ? { TMPDIR: MEMORY_FOLDER } : {}
}

/** `unit`: beside the sources, and races; a path: below it; nothing: all that needs only Node. */
function testFiles(selection: string | undefined): string[] {
  const patterns =
    selection === 'unit'
      ? ['src/**/*.test.ts', RACES]
      : ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts']
  const prefix = selection === undefined || selection === 'unit' ? '' : selection.replace(/^\.\//, '')
  const found = patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((file) => file.startsWith(prefix) && !OWN_SCRIPT.some((folder) => file.startsWith(folder)))
    .sort()
  // Tests that start servers take longest, and those of forwarding wait for time-outs: they go first, workers and races
  // before all. At the end one would run alone, beside idle cores.
  const isLong = (file: string): boolean =>
    file.startsWith('test/') || WAITING.some((folder) => file.startsWith(folder))
  return [...found.filter(isLong).reverse(), ...found.filter((file) => !isLong(file))]
}

function fail(message: string): never {
  console.error(`run-tests: ${message}\nusage: node tools/run-tests.ts [unit | <path below the repository>]`)
  process.exit(2)
}
