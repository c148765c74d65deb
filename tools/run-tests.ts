import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Longest run of one test, in ms: unit tests take milliseconds, a stuck one must not hold the build. */
const TEST_TIMEOUT_MS = 60_000
/** Test files at once: two cores are the smallest machine in use, and more than four only adds noise to timings. */
const CONCURRENCY = Math.min(4, Math.max(2, availableParallelism()))
/** Suites that need more than Node and have a script of their own. */
const OWN_SCRIPT = ['test/clients/', 'test/crash/', 'test/faults/', 'test/front-door/', 'test/packaging/']

const root = fileURLToPath(new URL('..', import.meta.url))
const [scope, ...rest] = process.argv.slice(2)

if (rest.length > 0) fail(`unknown argument "${rest[0]}"`)
const files = testFiles(scope)
if (files.length === 0) fail(`no test file matches "${scope ?? ''}"`)
runNodeTests(files)

/** `unit`: beside the sources; a path: what lies below it; nothing: all that needs only Node. */
function testFiles(wanted: string | undefined): string[] {
  const patterns =
    wanted === 'unit' ? ['src/**/*.test.ts'] : ['src/**/*.test.ts', 'test/**/*.test.ts', 'tools/**/*.test.ts']
  const prefix = wanted === undefined || wanted === 'unit' ? '' : wanted.replace(/^\.\//, '')
  return patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((file) => file.startsWith(prefix) && !OWN_SCRIPT.some((folder) => file.startsWith(folder)))
    .sort()
}

function runNodeTests(testFilesToRun: readonly string[]): void {
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
  ]
  const child = spawn(process.execPath, [...flags, ...testFilesToRun], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(error.message))
  child.on('exit', (code, signal) => {
    if (signal) console.error(`run-tests: the test runner was ended by ${signal}`)
    process.exitCode = code ?? 1
  })
}

function fail(message: string): never {
  console.error(`run-tests: ${message}\nusage: node tools/run-tests.ts [unit | <path below the repository>]`)
  process.exit(2)
}
