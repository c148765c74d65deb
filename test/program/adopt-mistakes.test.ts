import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { whyNoMounts } from '../faults/small-disk.ts'
import { createDistributionTree } from '../support/content/distribution-tree.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'

const env = cleanEnvironment()
/** Takeovers begun together. */
const AT_ONCE = 4
/** Repositories of the folder: enough that one takeover is at work while others begin. */
const REPOSITORIES = 300

test('of several `berth adopt` at once one takes all over, and each other says that it is at work', {
  timeout: 180_000,
}, async () => {
  await using folder = await makeTempFolder('adopt-twice')
  const tree = createDistributionTree(folder.path)
  for (let at = 0; at < REPOSITORIES; at++) tree.image(`team/app-${at}`, `content ${at}`, { tag: 'v1' })
  const runs = await Promise.all(
    Array.from({ length: AT_ONCE }, () => runCommand(BERTH_BIN, ['adopt', folder.path], { env })),
  )
  for (const { code, stdout, stderr } of runs) {
    const errors = stderr.split('\n').filter((line) => line.startsWith('error['))
    if (code === 0) assert.match(stdout, /^300 repositories\n|was taken over before/)
    else {
      assert.equal(errors.length, 1, stderr)
      assert.match(
        errors[0] ?? '',
        /^error\[ADOPT_BUSY\]: Another "berth adopt" or "berth leave" is at work on .* Wait for its end/,
      )
    }
  }
  assert.ok(runs.filter(({ stdout }) => stdout.startsWith('300 repositories')).length === 1)
  assert.ok(
    runs.some(({ code }) => code === 1),
    'none came while another was at work',
  )
  const again = await runCommand(BERTH_BIN, ['adopt', folder.path], { env })
  assert.match(again.stdout, /was taken over before/)
})

test('with too few open files commands on data say so, and name the limit', async () => {
  await using folder = await makeTempFolder('few-files')
  const data = join(folder.path, 'data')
  const add = ['user', 'add', 'alice', '--admin', '--new', '--password-stdin', '--data', data]
  await runCommand(BERTH_BIN, add, { env, input: 'correct horse battery\n' })
  for (const files of [25, 28, 32, 47]) {
    for (const command of ['repo list', 'user list', 'du']) {
      const { code, stderr } = await runCommand(
        ...([
          'sh',
          ['-c', `ulimit -n ${files}; exec "$0" ${command} --data "$1"`, BERTH_BIN, data],
          { env },
        ] as const),
      )
      assert.equal(code, 1, `${files} ${command}`)
      assert.match(
        stderr,
        new RegExp(`^error\\[OUT_OF_FILES\\]: This process may open ${files} files.*ulimit -n 65536`),
      )
    }
  }
  const enough = await runCommand(
    'sh',
    ['-c', `ulimit -n 48; exec "$0" repo list --data "$1"`, BERTH_BIN, data],
    { env },
  )
  assert.equal(enough.code, 0, enough.stderr)
})

test('where the blobs are on a read-only disk, a first takeover and a first start make no database elsewhere', {
  skip: (await whyNoMounts()) || (spawnSync('unshare', ['--version']).error ? 'needs unshare' : false),
}, async () => {
  await using folder = await makeTempFolder('adopt-read-only')
  chmodSync(folder.path, 0o755)
  const root = join(folder.path, 'registry')
  await mkdir(root)
  createDistributionTree(root).image('team/app', 'one', { tag: 'v1' })
  const data = join(folder.path, 'data')
  for (const words of [
    `adopt ${root} --data ${data}`,
    `serve --registry-root ${root} --data ${data} --listen-http 127.0.0.1:0`,
    `serve --registry-root ${root}/new --data ${data} --listen-http 127.0.0.1:0`,
  ]) {
    const script = `mount --bind ${root} ${root} && mount -o remount,ro,bind ${root} && exec "$0" ${words}`
    const { code, stderr } = await runCommand('unshare', ['--mount', 'sh', '-c', script, BERTH_BIN], {
      ...{ env, timeoutMs: 30_000 },
    })
    assert.equal(code, 1, stderr)
    assert.match(
      stderr,
      /^error\[DATA_NOT_WRITABLE\]: The disk of \S+registry\S* is mounted read-only\. Mount it writable/m,
    )
    assert.ok(!existsSync(data), words)
    assert.deepEqual(readdirSync(root), ['docker'])
  }
})
