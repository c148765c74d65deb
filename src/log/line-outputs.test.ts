import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, readlink, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import { LineOutputs, type LineOutputsOptions } from './line-outputs.ts'

const run = promisify(execFile)

function openOutputs(options: Partial<LineOutputsOptions> = {}) {
  const problems: string[] = []
  const outputs = new LineOutputs({
    ...{ minWriteBytes: 1024, flushMs: 5, maxWaitingBytes: 4096, maxOpenFiles: 2 },
    onProblem: (target, problem) => problems.push(`${target}: ${problem}`),
    ...options,
  })
  return { outputs, problems }
}

/** Names of the files of a folder that this process has open. */
async function openFilesIn(folder: string): Promise<number> {
  const fds = await readdir('/proc/self/fd')
  // Other descriptors, such as the one that lists the folder, are closed meanwhile.
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
  return targets.filter((target) => target.startsWith(`${folder}/`)).length
}

test('lines reach their files in order, however few files may be open', async () => {
  await using temp = await makeTempFolder('lines')
  const { outputs, problems } = openOutputs()
  const names = Array.from({ length: 7 }, (_, index) => `site${index}`)
  for (let line = 0; line < 50; line++) {
    for (const name of names) outputs.write(join(temp.path, name), `${name} ${line}\n`)
    if (line % 10 === 0) await outputs.flush()
  }
  await outputs.flush()
  assert.ok((await openFilesIn(temp.path)) <= 2)
  await outputs.close()
  for (const name of names) {
    const expected = Array.from({ length: 50 }, (_, line) => `${name} ${line}\n`).join('')
    assert.equal(await readFile(join(temp.path, name), 'utf8'), expected)
  }
  assert.deepEqual(problems, [])
  assert.equal(await openFilesIn(temp.path), 0)
})

test('`reopen()` leaves lines on their way in the old file and makes the new one at once', async () => {
  await using temp = await makeTempFolder('lines')
  const path = join(temp.path, 'a')
  const { outputs } = openOutputs()
  await outputs.open(path)
  outputs.write(path, 'one\n')
  await rename(path, `${path}.1`)
  outputs.write(path, 'two\n')
  await outputs.reopen()
  assert.deepEqual([await readFile(`${path}.1`, 'utf8'), await readFile(path, 'utf8')], ['one\ntwo\n', ''])
  outputs.write(path, 'three\n')
  await outputs.close()
  assert.equal(await readFile(path, 'utf8'), 'three\n')
})

test('lines that a file does not accept wait within the bound, the rest is dropped, each problem is reported once', async () => {
  await using temp = await makeTempFolder('lines')
  const path = join(temp.path, 'no', 'a')
  const { outputs, problems } = openOutputs({ maxWaitingBytes: 10 })
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n']) {
    outputs.write(path, line)
    await outputs.flush()
  }
  assert.deepEqual(problems, [
    `${path}: it cannot be written (ENOENT)`,
    `${path}: lines come faster than they can be written, and are dropped`,
  ])
  await run('mkdir', [join(temp.path, 'no')])
  await outputs.flush()
  outputs.write(path, 'five\n')
  await outputs.close()
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\nfive\n')
})

test('a file that cannot be written holds the lines of no other up', async () => {
  await using temp = await makeTempFolder('lines')
  const path = join(temp.path, 'a')
  const { outputs, problems } = openOutputs()
  // Without a reader, opening it blocks.
  await run('mkfifo', [join(temp.path, 'fifo')])
  outputs.write(join(temp.path, 'fifo'), 'unread\n')
  outputs.write('/dev/full', 'no room\n')
  outputs.write(path, 'one\n')
  await outputs.close()
  assert.equal(await readFile(path, 'utf8'), 'one\n')
  assert.deepEqual(problems, [
    `${join(temp.path, 'fifo')}: it cannot be written (ENXIO)`,
    '/dev/full: it cannot be written (ENOSPC)',
  ])
})

test('what waits when the process ends is written, and a full disk does not hold the end up', async () => {
  await using temp = await makeTempFolder('lines')
  const path = join(temp.path, 'a')
  const module = new URL('./line-outputs.ts', import.meta.url).href
  const script = join(temp.path, 'script.ts')
  await writeFile(
    script,
    `import { LineOutputs } from '${module}'
    const outputs = new LineOutputs({
      ...{ minWriteBytes: 1024, flushMs: 100, maxWaitingBytes: 4096, maxOpenFiles: 2 },
      onProblem: (target, problem) => process.stdout.write(problem),
    })
    outputs.write('/dev/full', 'a line that finds no room\\n')
    outputs.write('${path}', 'a last line\\n')
    process.exit(3)`,
  )
  const options = { timeout: 20_000, killSignal: 'SIGKILL' } as const
  const { code } = (await run(process.execPath, [script], options).catch((error: unknown) => error)) as {
    code: number
  }
  assert.equal(code, 3)
  assert.equal(await readFile(path, 'utf8'), 'a last line\n')
})
