import assert from 'node:assert/strict'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../../test/support/run-command.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'berth-launcher-'))
after(() => rmSync(folder, { recursive: true }))

let packages = 0

/** A package with the launcher and a built main that tells its arguments, below `<project>/node_modules`. */
function installPackage(): { project: string; root: string; bin: string } {
  const project = path.join(folder, `project ${++packages}`)
  const root = path.join(project, 'node_modules/berth')
  mkdirSync(path.join(root, 'bin'), { recursive: true })
  mkdirSync(path.join(root, 'dist'))
  mkdirSync(path.join(project, 'node_modules/.bin'))
  copyFileSync(fileURLToPath(new URL('../../bin/berth', import.meta.url)), path.join(root, 'bin/berth'))
  writeFileSync(path.join(root, 'dist/main.js'), 'console.log(JSON.stringify(process.argv.slice(2)))')
  const bin = path.join(project, 'node_modules/.bin/berth')
  symlinkSync('../berth/bin/berth', bin)
  return { project, root, bin }
}

/** A program called `node` that tells a version, and that it ran. */
function fakeNode(file: string, version: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n[ "$1" = --version ] && echo v${version} || echo "ran ${version}: $*"\n`)
  chmodSync(file, 0o755)
}

function run(bin: string, searchPath: string) {
  return runCommand(bin, ['repo', 'a b'], { env: { PATH: `${searchPath}:/usr/bin:/bin` }, cwd: '/' })
}

test('bin/berth prefers the pinned Node, also where npm hoisted it', async () => {
  const { project, root, bin } = installPackage()
  const old = path.join(project, 'old')
  fakeNode(path.join(old, 'node'), '20.20.2')
  fakeNode(path.join(project, 'node_modules/node/bin/node'), '26.0.0')
  assert.match((await run(bin, old)).stdout, /^ran 26\.0\.0: .*\/dist\/main\.js repo a b\n$/)
  fakeNode(path.join(root, 'node_modules/node/bin/node'), '27.1.0')
  assert.match((await run(bin, old)).stdout, /^ran 27\.1\.0: /)
})

test('bin/berth takes the Node in PATH if it is new enough, and hands its arguments on', async () => {
  const { bin } = installPackage()
  const { code, stdout, stderr } = await run(bin, path.dirname(process.execPath))
  assert.deepEqual([code, stdout, stderr], [0, '["repo","a b"]\n', ''])
})

test('bin/berth follows links to links', async () => {
  const { project, bin } = installPackage()
  const link = path.join(project, 'link')
  symlinkSync(bin, link)
  assert.equal((await run(link, path.dirname(process.execPath))).code, 0)
})

test('bin/berth tells in one line that Node is too old', async () => {
  const { project, bin } = installPackage()
  const old = path.join(project, 'old')
  fakeNode(path.join(old, 'node'), '20.20.2')
  const { code, stdout, stderr } = await run(bin, old)
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^error\[NODE_TOO_OLD\]: [^\n]*v20\.20\.2[^\n]*npm ci[^\n]*\n$/)
})
