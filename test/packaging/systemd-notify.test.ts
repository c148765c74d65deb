import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'
import { NotifyReceiver } from './notify-receiver.ts'

/** Watchdog of the tests, in ms; a beat is due at half of it. */
const WATCHDOG_MS = 2_000
/** Time for which the event loop of a server is stuck, in ms. */
const STUCK_MS = 4_000
/** Makes the event loop stuck on SIGUSR2. */
const STICK = `process.on("SIGUSR2",()=>{const end=Date.now()+${STUCK_MS};while(Date.now()<end);})`

for (const workers of ['1', '2']) {
  test(`systemd gets the state of a server, and beats while its event loop runs (workers: ${workers})`, async () => {
    await using folder = await makeTempFolder('systemd-notify')
    await using systemd = await NotifyReceiver.open(join(folder.path, 'notify'))
    await mkdir(join(folder.path, 'data'))
    await using server = await BerthProcess.start({
      dataDir: join(folder.path, 'data'),
      logFile: join(folder.path, 'log'),
      port: await findFreePort(),
      flags: ['--workers', workers, '--drain-timeout', '20', '--new'],
      env: {
        NOTIFY_SOCKET: join(folder.path, 'notify'),
        WATCHDOG_USEC: `${WATCHDOG_MS * 1_000}`,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(STICK)}`,
      },
    })
    await systemd.received(/^READY=1$/)
    await systemd.received(/^STATUS=Serves http:/)
    const answer = await fetch(`http://127.0.0.1:${server.port}/readyz`)
    assert.equal(answer.status, 200)

    await systemd.received(/^WATCHDOG=1$/)
    process.kill(server.pid, 'SIGUSR2')
    // A beat that was due may be on its way.
    await sleep(300)
    const before = systemd.count('WATCHDOG=1')
    // Two beats would come, well before the loop goes on.
    await sleep(WATCHDOG_MS)
    assert.equal(systemd.count('WATCHDOG=1'), before, 'a server whose event loop is stuck sent a beat')
    await sleep(WATCHDOG_MS + 1_000)
    assert.ok(systemd.count('WATCHDOG=1') > before, 'no beat came after the event loop went on')

    process.kill(server.pid, 'SIGHUP')
    await systemd.received(/^MONOTONIC_USEC=\d+$/)
    await until(() => systemd.count('READY=1') >= 2, 'the server did not report that it is ready again')
    assert.ok(systemd.messages.lastIndexOf('READY=1') > systemd.messages.indexOf('RELOADING=1'))
    assert.equal(await server.stop(), 0)
    await systemd.received(/^STOPPING=1$/)
    await systemd.received(/^EXTEND_TIMEOUT_USEC=35000000$/)
  })
}

test('a server whose systemd cannot be reached says so once, and serves', async () => {
  await using folder = await makeTempFolder('systemd-notify')
  await mkdir(join(folder.path, 'data'))
  const logFile = join(folder.path, 'log')
  await using server = await BerthProcess.start({
    dataDir: join(folder.path, 'data'),
    logFile,
    port: await findFreePort(),
    flags: ['--new'],
    env: { NOTIFY_SOCKET: join(folder.path, 'nothing'), WATCHDOG_USEC: '1000000' },
  })
  await sleep(2_000)
  const answer = await fetch(`http://127.0.0.1:${server.port}/livez`)
  assert.equal(answer.status, 200)
  assert.equal((await readFile(logFile, 'utf8')).split('systemd cannot be reached').length, 2)
  await server.stop()
})
