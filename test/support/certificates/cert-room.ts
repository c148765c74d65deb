import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { type CliCall, type CliResult, runCli } from '../program/run-cli.ts'

/** A folder to work in, and a way to run commands there. */
export async function openCertRoom() {
  const temp = await makeTempFolder('cert')
  const cwd = temp.path
  const certs = join(cwd, 'certs')
  await mkdir(certs)
  return {
    certs,
    path: (...names: string[]) => join(cwd, ...names),
    put: (name: string, text: string | Buffer) => writeFile(join(cwd, name), text, { mode: 0o600 }),
    run: (args: readonly string[], call: CliCall = {}): Promise<CliResult> =>
      runCli(['cert', ...args], { ...call, cwd }),
    json: async (args: readonly string[], call: CliCall = {}) => {
      const { stdout, stderr, code } = await runCli(['cert', ...args, '--json'], { ...call, cwd })
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout)
    },
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

/** Asserts that a command failed with a code. */
export function fails({ code, stdout, stderr }: CliResult, error: string): void {
  assert.notEqual(code, 0, stdout)
  assert.match(stderr, new RegExp(`error\\[${error}\\]`))
}
