import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PARTS_PATH } from '../parts/find-parts.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { type CommandResult, runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { runCli } from '../support/program/run-cli.ts'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))
/** Longest start of a server, in ms: a busy machine starts one in seconds. */
const START_TIMEOUT_MS = 60_000
/** Pause between two reads of the output of a server, in ms. */
const LOOK_MS = 50

/**
 * Programs that would change the machine, replaced by scripts of the same name that do nothing or something harmless.
 */
const STAND_INS: Readonly<Record<string, string>> = {
  systemctl: 'exit 0',
  chown: 'exit 0',
  sudo: 'shift 2; exec "$@"',
  pass: "echo 'correct horse battery'",
}

/** A reader who follows the documents in an empty home, with Berth's command in the search path. */
export interface Reader extends AsyncDisposable {
  readonly home: string
  readonly port: number
  /** Commands that were run so far, as written in the documents. */
  readonly done: ReadonlySet<string>
  path(...names: string[]): string
  /** Runs a command that must succeed, or end with another given code. */
  run(
    command: string,
    options?: { input?: string; code?: number | readonly number[] },
  ): Promise<CommandResult>
  /** Runs a command of Berth that prompts, with the text typed at the terminal. */
  answer(command: string, typed: readonly string[]): Promise<string>
  /** Starts a server by a command, waits until it serves, does something, and stops it by SIGTERM. */
  serve(command: string, meanwhile?: () => Promise<void>): Promise<void>
}

/** Variables of the environment, and the listeners of a server. */
export interface ReaderSettings {
  readonly listens?: 'http' | 'tls' | 'both'
  readonly [variable: string]: string | undefined
}

/** Opens a home. Paths of commands outside of it, such as /var/lib/berth, are moved inside; ports are free ones. */
export async function openReader({ listens = 'http', ...settings }: ReaderSettings): Promise<Reader> {
  const temp = await makeTempFolder('reader')
  const home = temp.path
  const path = (...names: string[]): string => join(home, ...names)
  for (const name of ['bin', 'programs', 'var', 'backup', 'srv']) await mkdir(path(name))
  for (const folder of ['bin', 'programs']) await symlink(join(CHECKOUT, 'bin/berth'), path(folder, 'berth'))
  for (const [name, script] of Object.entries(STAND_INS)) {
    await writeFile(path('programs', name), `#!/bin/sh\n${script}\n`)
    chmodSync(path('programs', name), 0o755)
  }
  const [port, tlsPort] = [await findFreePort(), await findFreePort()]
  const env = {
    PATH: `${path('programs')}:${PARTS_PATH}`,
    HOME: home,
    PASSWORD: 'correct horse battery',
    BERTH_DATA: path('var', 'berth'),
    // The ports of the documents may be taken, and are below 1024: variables leave the commands as they are.
    ...(listens === 'tls' ? { BERTH_LISTEN_HTTP: 'off' } : { BERTH_LISTEN_HTTP: `127.0.0.1:${port}` }),
    ...(listens === 'http' ? {} : { BERTH_LISTEN_HTTPS: `127.0.0.1:${tlsPort}` }),
    ...settings,
  }
  const here = (command: string): string =>
    command
      .replaceAll('/var/lib/berth', path('var', 'berth'))
      .replaceAll('/backup/', `${path('backup')}/`)
      .replaceAll('/srv/berth', path('srv', 'berth'))
      .replaceAll('127.0.0.1:5000', `127.0.0.1:${port}`)
      .replaceAll(' :5000', ` :${port}`)
      .replaceAll('127.0.0.1:5001', `127.0.0.1:${tlsPort}`)
      .replace(/^npm ci && npm start$/, `npm --prefix '${CHECKOUT}' start`)
  const done = new Set<string>()
  return {
    home,
    port,
    done,
    path,
    async run(command, { input, code = 0 } = {}) {
      const result = await runCommand('sh', ['-c', here(command)], { env, cwd: home, input })
      const expected = typeof code === 'number' ? [code] : code
      assert.ok(
        expected.includes(result.code),
        `${command}: ${result.code}\n${result.stdout}${result.stderr}`,
      )
      done.add(command)
      return result
    },
    async answer(command, typed) {
      const words = here(command).split(' ')
      const variables = words.filter((word) => /^[A-Z_]+=/.test(word)).map((word) => word.split('='))
      const berth = words.findLastIndex((word) => /^(?:bin\/)?berth$/.test(word))
      const call = { cwd: home, env: { ...env, ...Object.fromEntries(variables) }, typed }
      const { code, stdout, stderr } = await runCli(words.slice(berth + 1), call)
      assert.equal(code, 0, `${command}: ${stdout}${stderr}`)
      done.add(command)
      return stdout
    },
    async serve(command, meanwhile = async () => {}) {
      await serveOnce(here(command), { env, cwd: home, meanwhile })
      done.add(command)
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

async function serveOnce(
  command: string,
  { env, cwd, meanwhile }: { env: NodeJS.ProcessEnv; cwd: string; meanwhile: () => Promise<void> },
): Promise<void> {
  const child = spawn('sh', ['-c', `exec ${command}`], {
    env,
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text: Buffer) => (output += String(text)))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const kill = (signal: NodeJS.Signals): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal)
  }
  try {
    const deadline = performance.now() + START_TIMEOUT_MS
    while (!/^ {2}Berth serves /m.test(output)) {
      assert.equal(child.exitCode, null, `${command} ended\n${output}`)
      assert.ok(performance.now() < deadline, `${command} does not serve\n${output}`)
      await sleep(LOOK_MS)
    }
    await meanwhile()
    kill('SIGTERM')
    // npm reports a signal to its whole group as its own failure, whatever its script did.
    if (command.startsWith('npm ')) await ended
    else assert.equal(await ended, 0, `${command} did not stop well\n${output}`)
  } finally {
    kill('SIGKILL')
  }
}
