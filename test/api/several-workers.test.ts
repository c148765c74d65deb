import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { addAdministrator, BerthProcess } from '../support/program/berth-process.ts'

/** Longest stop of a server whose only open answers are streams of events, in milliseconds: far below its drain. */
const MAX_STOP_MS = 8_000

for (const workers of ['1', '2']) {
  test(`the API of a server with ${workers} worker(s) shows all of it, and its streams end with it`, async () => {
    await using folder = await makeTempFolder('api-workers')
    const port = await findFreePort()
    const site = {
      dataDir: join(folder.path, 'data'),
      port,
      logFile: join(folder.path, 'berth.log'),
      flags: ['--workers', workers, '--drain-timeout', '60'],
    }
    const authorization = await addAdministrator(site)
    await using server = await BerthProcess.start(site)
    const get = (path: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/api/v1${path}`, { headers: { authorization } })
    await until(async () => (await get('/me')).status === 200)
    const status = (await (await get('/status')).json()) as { workers: number; silent: number }
    assert.deepEqual([status.workers, status.silent], [Number(workers), 0])
    const events = await get('/events')
    const reader = events.body?.getReader()
    assert.match(Buffer.from((await reader?.read())?.value ?? []).toString(), /^event: status\n/)
    const stoppedAt = performance.now()
    assert.equal(await server.stop(), 0)
    assert.ok(performance.now() - stoppedAt < MAX_STOP_MS)
    await reader?.cancel().catch(() => undefined)
  })
}
