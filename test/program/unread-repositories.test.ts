import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBerth } from '../../src/app/start.ts'
import { loadConfig } from '../../src/config/load/load-config.ts'
import { createLogger } from '../../src/log/logger.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'

test('a start on the folder of Distribution says that its repositories are not served', async () => {
  await using folder = await makeTempFolder('unread')
  const flags = {
    data: join(folder.path, 'data'),
    'registry-root': folder.path,
    'listen-http': '127.0.0.1:0',
  }
  const { config } = loadConfig({ flags, env: {}, cwd: folder.path })
  const log: string[] = []
  const logger = createLogger({ level: 'warn', format: 'json' }, { write: (line) => void log.push(line) })
  const startAndStop = async (): Promise<void> => (await startBerth(config, logger)).stop()

  await startAndStop()
  assert.deepEqual(log, [])
  await mkdir(join(folder.path, 'docker/registry/v2/repositories/app'), { recursive: true })
  await startAndStop()
  assert.equal(log.length, 1)
  assert.match(log.join(''), /repositories of the Distribution registry.*not served.*berth adopt/)
})
