import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SmallDisk, whyNoMounts } from '../faults/small-disk.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'

const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))
const NOBODY = 65_534
const asNobody = process.getuid?.() === 0 ? false : 'needs root, to become another user'
const skip = await whyNoMounts()

/** A mistake of an operator, and the one line that the command prints. */
interface Mistake {
  readonly skip?: string | false
  readonly uid?: number
  readonly shell?: string
  prepare(folder: string): void | Promise<void>
  args(folder: string): readonly string[]
  readonly exit?: number
  readonly line: RegExp
}

const list = (folder: string): string[] => ['user', 'list', '--data', join(folder, 'data')]
const serve = (folder: string, ...flags: string[]): string[] => [
  ...['serve', '--data', join(folder, 'data'), '--listen-http', '127.0.0.1:0'],
  ...flags,
]

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a command as a user who does not own the data': {
    skip: asNobody,
    uid: NOBODY,
    prepare(folder) {
      makeData(folder)
      chmodSync(join(folder, 'data'), 0o777)
    },
    args: list,
    line: /^error\[DATA_NOT_WRITABLE\]: The user with id 65534 may not use .*berth\.db \(its owner is the user with id 0\)\. Run the command as the owner/,
  },
  'a start as a user who may not write to the folder above': {
    skip: asNobody,
    uid: NOBODY,
    prepare: () => {},
    args: serve,
    line: /^error\[DATA_NOT_WRITABLE\]: The user with id 65534 may not use /,
  },
  'a folder in place of the database': {
    prepare: (folder) => void mkdirSync(join(folder, 'data/berth.db'), { recursive: true }),
    args: list,
    line: /^error\[DATA_NOT_WRITABLE\]: A folder stands at .*berth\.db/,
  },
  "a folder in place of SQLite's log": {
    prepare(folder) {
      makeData(folder)
      mkdirSync(join(folder, 'data/berth.db-wal'))
    },
    args: list,
    line: /^error\[DATA_NOT_WRITABLE\]: A folder stands at \S*berth\.db-wal, where/,
  },
  'a data folder whose mode keeps its owner out': {
    skip: asNobody,
    uid: NOBODY,
    prepare(folder) {
      mkdirSync(join(folder, 'data'))
      chownSync(join(folder, 'data'), NOBODY, NOBODY)
      chmodSync(join(folder, 'data'), 0)
    },
    args: serve,
    line: /^error\[DATA_NOT_WRITABLE\]: The mode of \S*data keeps out the user with id 65534, who owns it.*chmod -R u\+rwX/,
  },
  'a socket below a file': {
    prepare: (folder) => writeFileSync(join(folder, 'file'), 'x'),
    args: (folder) => serve(folder, '--listen-http', `unix:${folder}/file/berth.sock`),
    line: /^error\[SOCKET_UNUSABLE\]: .*a file stands above it.*--listen-http/,
  },
  'a folder in place of the lock': {
    prepare: (folder) => void mkdirSync(join(folder, 'data/server.lock'), { recursive: true }),
    args: serve,
    line: /^error\[DATA_NOT_WRITABLE\]: A folder stands at .*server\.lock/,
  },
  'a file in place of the uploads': {
    prepare(folder) {
      mkdirSync(join(folder, 'data/registry'), { recursive: true })
      writeFileSync(join(folder, 'data/registry/berth-uploads'), '')
    },
    args: (folder) => serve(folder, '--registry-root', join(folder, 'data/registry')),
    line: /^error\[\w+\]: A file stands at .*berth-uploads/,
  },
  'something else in place of the database': {
    prepare(folder) {
      mkdirSync(join(folder, 'data'))
      writeFileSync(join(folder, 'data/berth.db'), 'no database at all'.repeat(100))
    },
    args: list,
    line: /^error\[DATABASE_UNUSABLE\]: .*berth\.db is no database/,
  },
  'a socket in a folder that is not there': {
    prepare: () => {},
    args: (folder) => serve(folder, '--listen-http', `unix:${folder}/run/berth.sock`),
    line: /^error\[SOCKET_UNUSABLE\]: .*the folder .*\/run is not there\. Make the folder first/,
  },
  'a socket in place of a file': {
    prepare: (folder) => writeFileSync(join(folder, 'precious'), 'x'),
    args: (folder) => serve(folder, '--listen-http', `unix:${folder}/precious`),
    line: /^error\[SOCKET_UNUSABLE\]: Something stands at .*precious that is no socket/,
  },
  'a socket whose path is too long': {
    prepare: () => {},
    args: (folder) => serve(folder, '--listen-http', `unix:${folder}/${'x'.repeat(120)}`),
    exit: 2,
    line: /^error\[VALUE_INVALID\]: .*at most 100 characters/,
  },
  'an address that the machine does not have': {
    prepare: () => {},
    args: (folder) => serve(folder, '--insecure-http', '--listen-http', '192.0.2.77:0'),
    line: /^error\[ADDRESS_UNAVAILABLE\]: This machine has no address 192\.0\.2\.77/,
  },
  'a name that cannot be looked up': {
    prepare: () => {},
    args: (folder) => serve(folder, '--insecure-http', '--listen-http', 'no-such-host.invalid:0'),
    line: /^error\[ADDRESS_UNAVAILABLE\]: .*no-such-host\.invalid.*IP address/,
  },
}

for (const [name, { skip: why = false, uid, prepare, args, exit = 1, line }] of Object.entries(MISTAKES)) {
  test(`${name} is one line with its cause and remedy`, { skip: why }, async () => {
    await using folder = await makeTempFolder('mistake')
    chmodSync(folder.path, 0o755)
    await prepare(folder.path)
    const { code, stderr } = await runCommand(BERTH, args(folder.path), {
      env: cleanEnvironment(),
      uid,
      timeoutMs: 20_000,
    })
    assert.equal(code, exit, stderr)
    assert.match(stderr.split('\n').findLast((text) => text.startsWith('error')) ?? stderr, line)
    assert.doesNotMatch(stderr, /INTERNAL|fault in Berth/)
  })
}

test('a disk without inodes, and one that is read-only, are called so', { skip }, async () => {
  await using disk = await SmallDisk.mount(4, { inodes: 2 })
  const full = await runCommand(BERTH, serve(disk.path), { env: cleanEnvironment() })
  assert.match(full.stderr, /^error\[STORAGE_FULL\]: .*no inode left/)
  await disk.setReadOnly(true)
  const readOnly = await runCommand(BERTH, serve(disk.path), { env: cleanEnvironment() })
  assert.match(readOnly.stderr, /^error\[DATA_NOT_WRITABLE\]: The disk of .* is mounted read-only/)
})

for (const [state, words] of Object.entries({
  full: /The disk of .* is full\. Free space/,
  'read-only': /The disk of .* is mounted read-only\. Mount it writable/,
}))
  test(`a ${state} disk has its own remedy where a certificate is kept, and from doctor`, {
    skip,
  }, async () => {
    await using disk = await SmallDisk.mount(4)
    mkdirSync(join(disk.path, 'data/certificates'), { recursive: true })
    if (state === 'full') await disk.fill()
    else await disk.setReadOnly(true)
    const data = ['--data', join(disk.path, 'data')]
    for (const args of [['cert', 'self-signed', 'a.test', '--new'], ['cert', 'ca', '--new'], ['doctor']]) {
      const { stdout, stderr } = await runCommand(BERTH, [...args, ...data], { env: cleanEnvironment() })
      const printed = `${stdout}${stderr}`.replace(/\.?\s+→ /g, '. ')
      assert.match(printed, words, args.join(' '))
      assert.doesNotMatch(printed, /writable for the user|See that its owner/, args.join(' '))
    }
  })

test('a command whose output cannot be written says so', async () => {
  const line = await runCommand('sh', ['-c', `"${BERTH}" version >/dev/full`], { env: cleanEnvironment() })
  assert.equal(line.code, 1)
  assert.match(line.stderr, /^error\[STORAGE_FULL\]: The disk of standard output/)
})

function makeData(folder: string): void {
  const args = ['user', 'add', 'alice', '--password-stdin', '--new', '--data', join(folder, 'data')]
  const { status, stderr } = spawnSync(BERTH, args, { encoding: 'utf8', input: 'correct horse battery' })
  assert.equal(status, 0, stderr)
}

/** Machines that refuse something to a first start: the shell that makes one, `$0` being the launcher and the rest its arguments. */
const MACHINES: Readonly<
  Record<string, { shell: string; flags?: string[]; line: RegExp; skip?: string | false }>
> = {
  'a root that is mounted read-only': {
    skip,
    shell: 'mount --bind / /mnt && mount -o remount,ro,bind /mnt && exec chroot /mnt "$0" "$@"',
    line: /^error\[DATA_NOT_WRITABLE\]: The disk of .* is mounted read-only\. Mount it writable/,
  },
  'no right to port 443': {
    skip,
    shell:
      'ip link set lo up; sysctl -qw net.ipv4.ip_unprivileged_port_start=1024; ' +
      'exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all "$0" "$@"',
    flags: [
      '--listen-http',
      'off',
      '--listen-https',
      ':443',
      '--domain',
      'registry.test',
      '--docker-host',
      'off',
    ],
    line: /^error\[PORT_FORBIDDEN\]: The user with id 65534 may not listen on :443\. .*CAP_NET_BIND_SERVICE/,
  },
  'a clock of before Berth existed': {
    skip: spawnSync('faketime', ['--version']).error ? 'faketime is not installed' : false,
    shell: 'exec faketime 2001-01-01 "$0" "$@"',
    line: /^error\[CLOCK_WRONG\]: .*2001-01-01T.*Set the clock/,
  },
  'too few files': {
    shell: 'ulimit -n 64; exec "$0" "$@"',
    line: /^error\[OUT_OF_FILES\]: This process may open 64 files.*LimitNOFILE/,
  },
}

for (const [
  name,
  { shell, flags = ['--listen-http', '127.0.0.1:0'], line, skip: why = false },
] of Object.entries(MACHINES)) {
  test(`a first start on a machine with ${name} is one line, exit 1, and makes nothing`, {
    skip: why,
  }, async () => {
    await using folder = await makeTempFolder('machine')
    // The user of the start may make the data folder.
    chmodSync(folder.path, 0o777)
    const serving = ['serve', '--data', join(folder.path, 'data'), ...flags]
    const inside =
      shell.startsWith('ulimit') || shell.includes('faketime') ? [] : ['unshare', '--mount', '--net']
    const [file = '', ...args] = [...inside, 'sh', '-c', shell, BERTH, ...serving]
    const { code, stdout, stderr } = await runCommand(file, args, {
      env: cleanEnvironment(),
      timeoutMs: 20_000,
    })
    assert.equal(code, 1, stderr)
    assert.match(stderr, line)
    assert.equal(stderr.trim().split('\n').length, 1, stderr)
    assert.equal(stdout, '')
    assert.deepEqual(readdirSync(folder.path), [])
  })
}

test('a variable that is no setting, or whose value has an unknown unit, is one line, and nothing is made', async () => {
  await using folder = await makeTempFolder('variable')
  for (const [variable, value, line] of [
    ['BERTH_MIN_FREE', '10parsecs', /^error\[OPTION_UNKNOWN\]: The variable BERTH_MIN_FREE is no setting/],
    [
      'BERTH_DISK_FLOOR',
      '10parsecs',
      /^error\[VALUE_INVALID\]: BERTH_DISK_FLOOR must be a number of bytes, such as 500MB/,
    ],
  ] as const) {
    const env = { ...cleanEnvironment(), [variable]: value }
    const { code, stderr } = await runCommand(BERTH, serve(folder.path), { env, timeoutMs: 20_000 })
    assert.equal(code, 2)
    assert.match(stderr, line)
    assert.deepEqual(readdirSync(folder.path), [])
  }
})
