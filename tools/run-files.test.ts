import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../test/support/machine/run-command.ts'
import { makeTempFolder } from '../test/support/machine/temp-folder.ts'

const RUN_FILES = new URL('run-files.ts', import.meta.url).href

/** Text of a test file that runs beside one that passes -> the exit code of both, and the output. */
const ROWS: readonly (readonly [what: string, text: string, code: number, said: RegExp])[] = [
  ['a test that passes', "test('a', () => {})", 0, /pass 2/],
  ['a test that fails', "test('a', () => { throw new Error('no') })", 1, /fail 1/],
  ['an end with 0 before its tests', "test('a', () => process.exit(0))", 1, /other\.test\.mjs ended before/],
  ['no test', '', 1, /other\.test\.mjs ended before its tests, or has none/],
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

for (const [what, text, expected, said] of ROWS) {
  test(`\`runFiles()\` ends with ${expected} for a file with ${what}`, async () => {
    await using folder = await makeTempFolder('run-files')
    const files = ['good.test.mjs', 'other.test.mjs'].map((name) => join(folder.path, name))
    const [good = '', other = ''] = files
    await writeFile(good, "import { test } from 'node:test'; test('good', () => {})")
    await writeFile(other, `import { test } from 'node:test'; ${text}`)
    const options = { cwd: folder.path, concurrency: 2, testTimeoutMs: 500 }
    const script = join(folder.path, 'run.mjs')
    await writeFile(
      script,
      `import { runFiles } from '${RUN_FILES}'; runFiles(${JSON.stringify(files)}, ${JSON.stringify(options)})`,
    )
    // The runner refuses to run within a run of its own.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { code, stdout, stderr } = await runCommand(process.execPath, [script], { env })
    assert.equal(code, expected, stdout + stderr)
    assert.match(stdout + stderr, said)
  })
}
