import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'

test('`openOutput()` tells that a file cannot be written, and lets the process end all the same', async () => {
  const module = new URL('./open-output.ts', import.meta.url).href
  const script = `import { openOutput } from '${module}'
    const output = openOutput({
      ...{ dest: '/dev/full', minLength: 1, maxWrite: 1024, maxLength: 4096, periodicFlush: 100 },
      onError: ({ code }) => {
        process.stdout.write(code)
        process.exit(3)
      },
    })
    output.write('a line that finds no room')`
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  const { code, stdout } = (await run.catch((error: unknown) => error)) as { code: number; stdout: string }
  assert.deepEqual([code, stdout], [3, 'ENOSPC'])
})
