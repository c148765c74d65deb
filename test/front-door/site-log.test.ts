import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BerthProcess } from '../support/program/berth-process.ts'

const HOSTS = ['a.example', 'b.example']
const ROTATIONS = 4
/** Requests under way all the time. */
const CLIENTS = 4

/** A server with two sites whose access log goes to a target. */
async function startLogged(folder: string, siteLog: string, workers: number): Promise<BerthProcess> {
  await mkdir(join(folder, 'www'))
  await writeFile(join(folder, 'www', 'index.html'), 'hello')
  const config = join(folder, 'berth.yaml')
  await writeFile(
    config,
    `sites:\n${HOSTS.map((host) => `  ${host}: { files: ${join(folder, 'www')} }\n`).join('')}`,
  )
  return BerthProcess.start({
    dataDir: join(folder, 'data'),
    port: await findFreePort(),
    logFile: join(folder, 'berth.log'),
    flags: [
      ...['--config', config, '--domain', 'registry.example', '--listen-https', 'off', '--acme', 'off'],
      ...['--https-method', 'noredirect', '--docker-host', 'off', '--site-log', siteLog],
      ...['--site-log-format', 'json', '--workers', String(workers)],
    ],
  })
}

/** Requests paths of its own until the signal. @returns those that were answered. */
async function keepRequesting(port: number, signal: AbortSignal): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  let count = 0
  const requestRepeatedly = async (): Promise<string[]> => {
    const requested: string[] = []
    while (!signal.aborted) {
      const path = `/?${count++}`
      const host = HOSTS[count % HOSTS.length] ?? ''
      const status = await new Promise((resolve, reject) => {
        get({ port, path, agent, headers: { host } }, (response) => {
          response.resume().once('end', () => resolve(response.statusCode))
        }).once('error', reject)
      })
      assert.equal(status, 200)
      requested.push(`${host}${path}`)
    }
    return requested
  }
  const paths = await Promise.all(Array.from({ length: CLIENTS }, requestRepeatedly))
  agent.destroy()
  return paths.flat()
}

/** Lines are gathered for a moment before they are written, on a busy machine for a longer one. */
function untilFilled(path: string): Promise<void> {
  return until(async () => (await stat(path)).size > 0, `${path} stays empty`)
}

function untilThere(path: string): Promise<void> {
  return until(() => existsSync(path), `${path} was not made anew`)
}

for (const [kind, workers] of [
  ['file', 1],
  ['folder', 1],
  ['file', 2],
] as const) {
  test(`SIGHUP after a rotation, with a ${kind}, workers: ${workers}: no line is lost, none is there twice, the server goes on`, async () => {
    await using temp = await makeTempFolder('site-log')
    const logs = join(temp.path, 'logs')
    await mkdir(logs)
    await using server = await startLogged(
      temp.path,
      kind === 'file' ? join(logs, 'all.log') : `${logs}/`,
      workers,
    )
    const names = kind === 'file' ? ['all.log'] : HOSTS.map((host) => `${host}.log`)
    const stopper = new AbortController()
    const requesting = keepRequesting(server.port, stopper.signal)
    for (let rotation = 0; rotation < ROTATIONS; rotation++) {
      for (const name of names) await untilThere(join(logs, name))
      await sleep(300)
      for (const name of names) await untilFilled(join(logs, name))
      for (const name of names) await rename(join(logs, name), join(logs, `${name}.${rotation}`))
      process.kill(server.pid, 'SIGHUP')
    }
    for (const name of names) await untilThere(join(logs, name))
    const rotated = await readdir(logs)
    for (const name of names) await untilFilled(join(logs, name))
    stopper.abort()
    const requested = await requesting
    assert.equal(await server.stop(), 0)
    assert.equal(rotated.length, names.length * (ROTATIONS + 1))
    const lines: string[] = []
    for (const name of await readdir(logs)) {
      const text = await readFile(join(logs, name), 'utf8')
      assert.ok(text.endsWith('}\n'), `${name} ends with ${JSON.stringify(text.slice(-20))}`)
      for (const line of text.trimEnd().split('\n')) {
        const { host, target } = JSON.parse(line) as { host: string; target: string }
        if (kind === 'folder') assert.ok(name.startsWith(`${host}.log`))
        lines.push(`${host}${target}`)
      }
    }
    assert.deepEqual(lines.sort(), requested.sort())
  })
}

test('a folder for logs that is not there is reported at the start', async () => {
  await using temp = await makeTempFolder('site-log')
  await assert.rejects(
    startLogged(temp.path, `${join(temp.path, 'none')}/`, 1),
    /error\[SITE_LOG_UNUSABLE\]: The access log of the sites cannot be opened at .*none\/ \(ENOENT\)/,
  )
})
