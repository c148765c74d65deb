import assert from 'node:assert/strict'
import dns from 'node:dns'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { ANY_ADDRESS } from '../../config/listen-address.ts'
import { requireFreePorts } from '../door/listeners.ts'
import { lockDataFolder } from '../folders/data-folder.ts'
import { checkPort } from './check-ports.ts'

test('a server on all addresses is found where names cannot be looked up, localhost included', async (t) => {
  await using temp = await makeTempFolder('ports')
  const dataDir = join(temp.path, 'data')
  await mkdir(dataDir)
  const server = createServer((_, response) => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0').end('{}')
  }).listen(0)
  await once(server, 'listening')
  const bound = server.address()
  const port = typeof bound === 'object' ? (bound?.port ?? 0) : 0
  // A resolver without a file of hosts and without a network.
  t.mock.method(dns, 'lookup', (_name: string, _options: object, done: (error: Error) => void) =>
    process.nextTick(done, Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' })),
  )
  using _lock = lockDataFolder(dataDir)
  const finding = await checkPort({ host: ANY_ADDRESS, port }, { kind: 'http', dataDir })
  assert.equal(finding.state, 'ok', finding.message)
  const config = { listenHttp: { host: ANY_ADDRESS, port }, listenHttps: undefined }
  await assert.rejects(requireFreePorts(config as Parameters<typeof requireFreePorts>[0]), {
    code: 'PORT_IN_USE',
  })
  server.close()
})
