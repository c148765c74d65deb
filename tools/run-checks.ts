import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Checks of the sources: short, and quiet unless they find something. */
const CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'imports', command: [process.execPath, 'tools/check-imports.ts'] },
  { name: 'words', command: [process.execPath, 'tools/check-words.ts'] },
  { name: 'names', command: [process.execPath, 'tools/check-names.ts'] },
]

/**
 * Runs the checks of the sources beside the unit tests, which wait for clocks a quarter of their time, and prints what the checks
 * find before the summary of the tests. With the argument `sources` it leaves out the tests, for a run that is followed by all tests.
 */
const tests = process.argv[2] === 'sources' ? [] : [runUnitTests()]
const failed = (await Promise.all([...CHECKS.map(runCheck), ...tests])).filter((name) => name !== '')
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`)
  process.exitCode = 1
}

/** Resolves to the name of the check if it found something. */
async function runCheck({ name, command }: (typeof CHECKS)[number]): Promise<string> {
  const start = performance.now()
  const [program = '', ...args] = command
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = waitFor(child)
  const [found, errors, isOk] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  const seconds = ((performance.now() - start) / 1_000).toFixed(1)
  if (isOk) console.log(`${name}: ok, ${seconds} s`)
  else console.error(`${name}: failed, ${seconds} s\n${found}${errors}`)
  return isOk ? '' : name
}

async function runUnitTests(): Promise<string> {
  const child = spawn(process.execPath, ['tools/run-tests.ts', 'unit'], { cwd: root, stdio: 'inherit' })
  return (await waitFor(child)) ? '' : 'unit tests'
}

/** True if the program ended well. */
function waitFor(child: ReturnType<typeof spawn>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code === 0))
  })
}
