import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../machine/free-port.ts'

const BERTH = fileURLToPath(new URL('../../../bin/berth', import.meta.url))

/** `berth serve`, started by its launcher. */
export interface ServedBerth extends AsyncDisposable {
  readonly child: ChildProcess
  readonly url: string
  output(): string
  /** Exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** Starts `berth serve` on a port of the system's choice and waits for the line that names it. */
export async function serve(dataDir: string, ...flags: string[]): Promise<ServedBerth> {
  const args = ['serve', '--data', dataDir, '--listen-http', '127.0.0.1:0', ...flags]
  const child = spawn(BERTH, args, { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnvironment() })
  let output = ''
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const url = /(?:serves |"urls":\[")(http:[\w.:/]+)/.exec(output)?.[1]
      if (url) resolve(url)
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  void ended.then((code) => reject(new Error(`berth serve ended with ${code}\n${output}`)))
  return {
    child,
    ended,
    url: await ready,
    output: () => output,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The caller's environment without Berth's variables. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(BERTH|REGISTRY)_/.test(name)))
}

/** Starts a server whose standard output goes into a file, and waits until it answers. */
export async function serveInto(output: string, dataDir: string, ...flags: string[]): Promise<ServedBerth> {
  const port = await findFreePort()
  const file = openSync(output, 'a')
  const args = ['serve', '--data', dataDir, '--listen-http', `127.0.0.1:${port}`, ...flags]
  const child = spawn(BERTH, args, { stdio: ['ignore', file, 'inherit'], env: cleanEnvironment() })
  closeSync(file)
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const url = `http://127.0.0.1:${port}`
  while (!(await fetch(`${url}/livez`).catch(() => undefined))?.ok) {
    assert.equal(child.exitCode, null, 'the server ended')
    await sleep(5)
  }
  return {
    child,
    ended,
    url,
    output: () => readFileSync(output, 'utf8'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
