import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../support/machine/run-command.ts'
import { until } from '../support/machine/until.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'berth-launcher-'))
after(() => rmSync(folder, { recursive: true }))

let packages = 0

/** A package with the launcher and a built main that prints its arguments, below `<project>/node_modules`. */
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

/** A program called `node` that prints a version, and that it ran. */
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

test('bin/berth repeats what the loader says of a Node that does not run', async () => {
  const { project, bin } = installPackage()
  const words = 'node: error while loading shared libraries: libatomic.so.1: cannot open shared object file'
  const pinned = path.join(project, 'node_modules/node/bin/node')
  mkdirSync(path.dirname(pinned), { recursive: true })
  writeFileSync(pinned, `#!/bin/sh\necho "${words}" >&2\nexit 127\n`)
  chmodSync(pinned, 0o755)
  const { code, stdout, stderr } = await run(bin, path.join(project, 'nothing'))
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(
    stderr,
    /^error\[NODE_UNUSABLE\]: [^\n]*libatomic\.so\.1: cannot open[^\n]*libatomic1[^\n]*\n$/,
  )
  assert.ok(stderr.includes(words) && stderr.includes(pinned), stderr)
  assert.doesNotMatch(stderr, /too old|NODE_TOO_OLD/)
})

/** A main that prints its process id, reacts to a signal and ends with 7, as process 1's child or by itself. */
const SIGNALLED = `process.on('SIGTERM', () => { console.log('SIGTERM'); process.exit(7) })
process.stdin.on('data', (text) => console.log('stdin ' + text))
console.log('pid ' + process.pid)
setInterval(() => {}, 1000)`

test('bin/berth as process 1 reaps orphans, passes signals and input on, and ends as Node does', {
  skip: whyNoNamespaces(),
}, async () => {
  const { root, bin } = installPackage()
  writeFileSync(path.join(root, 'dist/main.js'), SIGNALLED)
  const outside = spawn('unshare', ['--pid', '--fork', '--mount-proc', bin], {
    ...{
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin` },
    },
  })
  let output = ''
  outside.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const ended = once(outside, 'exit')
  await until(() => output.includes('pid '))
  assert.doesNotMatch(output, /^pid 1$/m)
  outside.stdin.write('words')
  await until(() => output.includes('stdin words'))
  const [init = ''] = await listChildren(outside.pid)
  const inside = [
    '--target',
    init,
    '--pid',
    'sh',
    '-c',
    'for i in 1 2 3; do sh -c "sleep 0.2 & exit 0"; done',
  ]
  assert.equal((await runCommand('nsenter', inside, { env: process.env })).code, 0)
  // The orphans of the shell above are children of process 1 now, until they end.
  await until(async () => (await listChildren(Number(init))).length === 1)
  process.kill(Number(init), 'SIGTERM')
  assert.deepEqual(await ended, [7, null])
  assert.match(output, /SIGTERM/)
})

/** Processes, ended ones that nothing has reaped included. */
async function listChildren(pid: number | undefined): Promise<string[]> {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(/\s+/).filter(Boolean)
}

function whyNoNamespaces(): string | false {
  const { status } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true'])
  return status === 0 ? false : 'needs namespaces of processes, to be process 1'
}
