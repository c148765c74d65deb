import assert from 'node:assert/strict'
import { lstat, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { RUN_BY_PACKAGING } from '../docs/how-commands-run.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { CHECKOUT } from './packages.ts'

/** Longest run of one npm command, in ms: it downloads Node itself. */
const NPM_TIMEOUT_MS = 300_000

/** Needs the package registry. The commands are those of docs/operations.md, with folders of the test's own. */
test('the recipe of the documents installs a copy, which does not change with the checkout', async () => {
  await using temp = await makeTempFolder('recipe')
  const prefix = join(temp.path, 'prefix')
  await mkdir(prefix)
  const [pack = '', install = ''] = RUN_BY_PACKAGING
  const env = { ...process.env, npm_config_prefix: prefix, npm_config_pack_destination: temp.path }
  const sh = (command: string, cwd: string): Promise<string> =>
    runOk('sh', ['-c', command], { cwd, env, timeoutMs: NPM_TIMEOUT_MS })
  await sh(pack, CHECKOUT)
  const tarball = (await readdir(temp.path)).find((name) => name.endsWith('.tgz')) ?? ''
  assert.ok(install.endsWith(` ./${tarball}`), `the documents name another file than ${tarball}`)
  await sh(install, temp.path)
  const installed = await lstat(join(prefix, 'lib/node_modules/berth'))
  assert.ok(installed.isDirectory() && !installed.isSymbolicLink(), 'a link into the checkout')
  const version = await runOk(join(prefix, 'bin/berth'), ['version'], {
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  })
  assert.match(version, /^berth \d+\.\d+\.\d+ \(node 26\./)
})
