import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { openDockerRoom } from '../support/docker/docker-room.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { RawClient } from '../support/requests/raw-request.ts'
import { listChildren } from '../workers/worker-site.ts'

const HOST = 'app.example.com'
/** Connections with a request each, one after the other: they go to the workers in turn. */
const ASKED = 6

describe('containers, with several workers', {
  skip: skipReason('docker', 'dockerd', 'busybox', 'ip'),
}, () => {
  it('become hosts of each worker, and end to be; a worker that comes later knows them', async () => {
    await using room = await openDockerRoom()
    await using folder = await makeTempFolder('workers')
    const port = await findFreePort()
    await using server = await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      port,
      logFile: join(folder.path, 'berth.log'),
      flags: [
        ...['--workers', '2', '--domain', 'registry.example.com', '--docker-host', room.url, '--acme', 'off'],
        ...['--listen-https', 'off', '--https-method', 'noredirect'],
      ],
    })
    const statuses = async (): Promise<string> => {
      const found: number[] = []
      for (let turn = 0; turn < ASKED; turn++) {
        using client = new RawClient(port)
        found.push((await client.send('GET', '/', { headers: { host: HOST } })).status)
      }
      return [...new Set(found)].join()
    }
    const http = ['/bin/busybox', 'httpd', '-f', '-p', '8080', '-h', '/bin']
    await room.run('app', ['-e', `VIRTUAL_HOST=${HOST}`, '-e', 'VIRTUAL_PORT=8080'], http)
    await until(async () => (await statuses()) === '404')
    const [worker = 0] = await listChildren(server.pid)
    process.kill(worker, 'SIGKILL')
    await until(async () => {
      const now = await listChildren(server.pid)
      return now.length === 2 && !now.includes(worker)
    })
    // The new one may not listen yet; it counts that no other answer comes.
    for (let turn = 0; turn < 5; turn++) assert.equal(await statuses(), '404')
    await room.docker('stop', '--time', '0', 'app')
    await until(async () => (await statuses()) === '503')
    assert.equal(await server.stop(), 0)
  })
})
