import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { findFreePort } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator } from '../support/program/berth-process.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { startWorkers } from './worker-site.ts'

/** Connections go to the workers in turn, so that both answer some of these. */
const REQUESTS = 8

test('a command that changes the rules counts with the next request, in each worker', async () => {
  await using folder = await makeTempFolder('access')
  const site = {
    dataDir: join(folder.path, 'data'),
    port: await findFreePort(),
    logFile: join(folder.path, 'berth.log'),
  }
  await addAdministrator(site)
  await using _server = await startWorkers(site)
  const access = (...args: string[]) => runOk(BERTH_BIN, ['access', ...args, '--data', site.dataDir])
  // The repository is missing: without a right that is 401, as for one that exists.
  const send = async (): Promise<Set<number>> => {
    const statuses = new Set<number>()
    for (let index = 0; index < REQUESTS; index++) {
      using client = new RawClient(site.port, {})
      statuses.add((await client.send('GET', '/v2/open/app/tags/list')).status)
    }
    return statuses
  }
  assert.deepEqual(await send(), new Set([401]))
  for (let round = 0; round < 2; round++) {
    await access('visibility', 'open/**', 'public')
    assert.deepEqual(await send(), new Set([404]))
    await access('visibility', 'open/**', 'private')
    assert.deepEqual(await send(), new Set([401]))
  }
  const lines = (await readFile(site.logFile, 'utf8')).split('\n').filter((line) => line.includes('"id":"'))
  const workers = new Set(lines.map((line) => (JSON.parse(line) as { id: string }).id.replace(/-.*/, '')))
  assert.equal(workers.size, 2, 'both workers have answered')
})
