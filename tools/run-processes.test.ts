import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { type CommandResult, runCommand } from '../test/support/machine/run-command.ts'
import { makeTempFolder } from '../test/support/machine/temp-folder.ts'

const [RUN_PROCESSES, SHARE_PROCESS] = ['run-processes.ts', 'share-process.ts'].map(
  (name) => new URL(name, import.meta.url).href,
)
const GOOD = "import { test } from 'node:test'; test('good', () => {})"

/** Text of a test file that runs beside one that passes -> the exit code of both, and the output. */
const ROWS: readonly (readonly [what: string, text: string, code: number, output: RegExp])[] = [
  ['a test that passes', "test('a', () => {})", 0, /pass 2/],
  ['a test that fails', "test('a', () => { throw new Error('no') })", 1, /fail 1/],
  [
    'an end with 0 before its tests',
    "test('a', () => globalThis['process'].exit(0))",
    1,
    /other\.test\.mjs ended before/,
  ],
  ['no test', '', 1, /other\.test\.mjs (?:ended before its tests, or has none|has no tests)/],
  [
    'an error after its tests',
    "test('a', () => {}); setTimeout(() => { throw new Error('late') })",
    1,
    /late/,
  ],
  [
    'a test that hangs',
    "test('a', () => new Promise((resolve) => setTimeout(resolve, 1_500)))",
    1,
    /timed out/,
  ],
]

for (const [what, text, expected, output] of ROWS) {
  for (const isShared of [false, true]) {
    const where = isShared ? 'that shares its process with another' : 'in a process of its own'
    test(`\`runProcesses()\` ends with ${expected} for a file with ${what}, ${where}`, async () => {
      const { code, stdout, stderr } = await runFiles(isShared, {
        'good.test.mjs': GOOD,
        'other.test.mjs': `import { test } from 'node:test'; ${text}`,
      })
      assert.equal(code, expected, stdout + stderr)
      assert.match(stdout + stderr, output)
    })
  }
}

test('files of a shared process have hooks of their own, and one that reads its process has a process of its own', async () => {
  const { code, stdout, stderr } = await runFiles(true, {
    'good.test.mjs': GOOD,
    'hooks.test.mjs': `import { after, beforeEach, test } from 'node:test'
      let tests = 0
      beforeEach(() => tests++)
      after(() => { if (tests !== 1) throw new Error(\`\${tests} tests\`) })
      globalThis.pid = globalThis['process'].pid
      test('one', () => {})`,
    'last.test.mjs': `import { test } from 'node:test'
      test('two', () => { if (globalThis.pid === undefined) throw new Error('not shared') })`,
    'own.test.mjs': `import { test } from 'node:test'
      test('three', () => { if (globalThis.pid === process.pid) throw new Error('shared') })`,
  })
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /pass 4/)
})

/** Runs files of these names and texts in their order. */
async function runFiles(isShared: boolean, texts: Readonly<Record<string, string>>): Promise<CommandResult> {
  await using folder = await makeTempFolder('run-processes')
  const files = Object.keys(texts).map((name) => join(folder.path, name))
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder.path, name), text)
  const sharing = {
    root: folder.path,
    shared: isShared ? '' : 'none',
    entryFolder: folder.path,
  }
  const options = { cwd: folder.path, concurrency: 2, testTimeoutMs: 500 }
  const script = join(folder.path, 'run.mjs')
  await writeFile(
    script,
    `import { runProcesses } from '${RUN_PROCESSES}'
     import { shareProcesses } from '${SHARE_PROCESS}'
     runProcesses(shareProcesses(${JSON.stringify(files)}, ${JSON.stringify(sharing)}), ${JSON.stringify(options)})`,
  )
  // The runner refuses to run within a run of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return await runCommand(process.execPath, [script], { env })
}
