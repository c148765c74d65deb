import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { formatId, startScriptedEngine } from '../support/docker/scripted-engine.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { runOk } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

/** Longest wait for a change that is promised within a second, in ms. */
const PATIENCE_MS = 20_000

test('`berth site list` has a line, a cause and a fix for each name of a container that cannot be read', async () => {
  await using engine = await startScriptedEngine()
  await using temp = await makeTempFolder('unread')
  const data = join(temp.path, 'data')
  const [http, https] = [await findFreePort(), await findFreePort()]
  for (const [index, host] of [
    'good.example.com',
    '"app.example.com"',
    'http://shop.example.com:80',
  ].entries())
    engine.containers.set(formatId(index), { name: `c${index}`, env: [`VIRTUAL_HOST=${host}`] })
  await using stack = new AsyncDisposableStack()
  const berth = await startProcess(BERTH_BIN, {
    args: [
      ...['serve', '--data', data, '--domain', 'registry.example.com', '--docker-host', engine.url],
      ...['--acme', 'off', '--listen-http', `127.0.0.1:${http}`, '--listen-https', `127.0.0.1:${https}`],
    ],
    logFile: join(temp.path, 'berth.log'),
    isReady: () => isListening(https),
  })
  stack.defer(async () => {
    assert.equal(await berth.stop(), 0)
  })
  const list = async (isThere: (text: string) => boolean): Promise<string> => {
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
      const text = await runOk(BERTH_BIN, ['site', 'list', '--data', data])
      if (isThere(text)) return text
      assert.ok(Date.now() < deadline, text)
    }
  }
  const text = await list((shown) => shown.includes('unread'))
  assert.match(text, /\n"app\.example\.com" +unread +c1\n/)
  assert.match(text, /\nc1: ""app\.example\.com"" is no host name\. Leave the quotes out/)
  assert.match(text, /\nhttp:\/\/shop\.example\.com:80 +unread +c2\n/)
  assert.match(text, /\nc2: .*\. Give the name alone, without scheme, port and path\.\n/)
  const { unread } = JSON.parse(await runOk(BERTH_BIN, ['site', 'list', '--json', '--data', data]))
  assert.deepEqual(
    unread.map((each: object) => Object.keys(each).sort().join()),
    Array(2).fill('cause,container,fix,name'),
  )
  // Lines wait for up to a second before they are written.
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100)) {
    const log = await berth.readLog()
    if (/a container cannot be understood/.test(log)) break
    assert.ok(Date.now() < deadline, log)
  }

  engine.containers.delete(formatId(2))
  engine.emit('destroy', formatId(2))
  await list((shown) => !shown.includes('c2'))
})
