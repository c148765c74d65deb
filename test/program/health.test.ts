import assert from 'node:assert/strict'
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp } from '../support/door/start-app.ts'
import { findFreePort, isListening } from '../support/machine/free-port.ts'
import { type CommandResult, runCommand, runOk } from '../support/machine/run-command.ts'
import { type StartedProcess, startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'

/** A user who owns nothing. */
const STRANGER = 12_345
/** Longest wait for a server to notice that its database is gone, in ms. */
const NOTICE_MS = 15_000

test('`berth health` finds the listener of a running server, and fails once it has stopped', async () => {
  await using folder = await makeTempFolder('health')
  const { dataDir, port, server } = await startServer(folder.path)
  try {
    assert.equal(
      await runOk(BERTH_BIN, ['health', '--data', dataDir]),
      `ready: http://127.0.0.1:${port}/readyz answers\n`,
    )
    const live = await runOk(BERTH_BIN, ['health', '--live', '--json', '--data', dataDir])
    assert.deepEqual(JSON.parse(live), { status: 'live', url: `http://127.0.0.1:${port}` })
  } finally {
    await server.stop()
  }
  const after = await runCommand(BERTH_BIN, ['health', '--data', dataDir])
  assert.equal(after.code, 1)
  assert.match(
    after.stderr,
    /^error\[UNHEALTHY\]: http:\/\/127\.0\.0\.1:\d+: no server listens there\. Start the server[^\n]*\n$/,
  )
})

test('`berth health` says that it may not read where the server listens, and asks no other address', {
  skip: process.getuid?.() !== 0 && 'needs root, to be another user',
}, async () => {
  await using folder = await makeTempFolder('health-forbidden')
  await chmod(folder.path, 0o755)
  const { dataDir, port, server } = await startServer(folder.path)
  await using inner = await makeTempFolder('health-inner')
  try {
    for (const [place, env, cwd] of [
      // The file, the folder of the data, and the folder where it is run.
      [['--data', dataDir], {}, '/'],
      [[], { BERTH_DATA: dataDir }, '/'],
      [[], {}, inner.path],
    ] as const) {
      const asStranger = { uid: STRANGER, cwd, env: { PATH: process.env.PATH, ...env } }
      const { code, stdout, stderr } = await runCommand(BERTH_BIN, ['health', ...place], asStranger)
      assert.equal(code, 2, stderr)
      assert.equal(stdout, '')
      assert.match(
        stderr,
        /^error\[SETTINGS_FORBIDDEN\]: The user with id 12345 may not read \S+\/server\.json, which has the addresses of the server\. Run it as root or as the user/,
      )
    }
    const env = { PATH: process.env.PATH, BERTH_LISTEN_HTTP: `127.0.0.1:${port}` }
    const given = await runCommand(BERTH_BIN, ['health', '--data', dataDir], { uid: STRANGER, cwd: '/', env })
    assert.equal(given.code, 0, given.stderr)
  } finally {
    await server.stop()
  }
})

test('`berth health` works with a domain, over TLS or not, also where a PROXY header is required', async () => {
  for (const flags of [
    ['--listen-http', 'off'],
    ['--listen-http', '127.0.0.1:0', '--default-host', 'registry.example.test'],
    [
      ...['--listen-http', '127.0.0.1:0', '--proxy-protocol', 'required'],
      ...['--proxy-protocol-from', '127.0.0.0/8', '--local-ca', 'off'],
    ],
  ]) {
    await using folder = await makeTempFolder('health-door')
    const dataDir = join(folder.path, 'data')
    const port = await findFreePort()
    const server = await startProcess(BERTH_BIN, {
      args: [
        ...['serve', '--data', dataDir, '--domain', 'registry.example.test', '--acme', 'off'],
        ...['--docker-host', 'off', '--listen-https', `127.0.0.1:${port}`, ...flags],
      ],
      logFile: join(folder.path, 'berth.log'),
      isReady: () => isListening(port),
    })
    try {
      assert.match(await runOk(BERTH_BIN, ['health', '--data', dataDir]), /^ready: https?:\/\/127\.0\.0\.1:/)
    } finally {
      await server.stop()
    }
  }
})

test('`berth health` fails within its time at a silent listener, and at that of another program', async () => {
  await using folder = await makeTempFolder('health-other')
  for (const [answer, line] of [
    ['other', /the answer, with status 200, is not one of Berth/],
    ['none', /no answer within 3 seconds/],
  ] as const) {
    await using other = await startApp((_request, response) => answer === 'other' && response.end('hello'))
    const config = join(folder.path, 'berth.yaml')
    await writeFile(config, `data: ./data\nlisten-http: 127.0.0.1:${other.port}\n`)
    const startedAt = performance.now()
    const { code, stderr } = await runCommand(BERTH_BIN, ['health', '--config', config])
    assert.equal(code, 1)
    assert.match(stderr, line)
    assert.ok(performance.now() - startedAt < 8_000)
  }
})

test('`berth health` shows the reason of a server that can store nothing', async () => {
  await using folder = await makeTempFolder('health-lost')
  const { dataDir, server } = await startServer(folder.path)
  try {
    // Only then its start is over.
    assert.match(await runOk(BERTH_BIN, ['health', '--data', dataDir]), /^ready: /)
    await rename(join(dataDir, 'berth.db'), join(dataDir, 'moved.db'))
    const { code, stderr } = await untilUnhealthy(dataDir)
    assert.equal(code, 1)
    assert.match(stderr, /^error\[UNHEALTHY\]: http:\S+\/readyz answers 503: [^\n]+\n$/)
    assert.match(await runOk(BERTH_BIN, ['health', '--live', '--data', dataDir]), /^live: /)
  } finally {
    await server.stop()
  }
})

test('the first administrator has the password of `admin-password-file`, which no output shows', async () => {
  await using folder = await makeTempFolder('given-password')
  const file = join(folder.path, 'password')
  const dataDir = join(folder.path, 'data')
  const port = await findFreePort()
  const start = async (ending: string, password: string): Promise<string> => {
    await writeFile(file, `${password}${ending}`, { mode: 0o600 })
    const server = await startProcess(BERTH_BIN, {
      args: ['serve', '--data', dataDir, '--listen-http', `127.0.0.1:${port}`],
      env: { ...process.env, BERTH_ADMIN_PASSWORD_FILE: file },
      logFile: join(folder.path, 'berth.log'),
      isReady: () => isListening(port),
    })
    const args = ['selftest', '--username', 'admin', '--password-stdin', '--data', dataDir]
    try {
      const input = 'correct horse battery'
      assert.match(await runOk(BERTH_BIN, args, { input }), /works\n$/)
    } finally {
      await server.stop()
    }
    return readFile(join(folder.path, 'berth.log'), 'utf8')
  }
  const first = await start('\n', 'correct horse battery')
  assert.match(first, /with the password of admin-password-file/)
  assert.doesNotMatch(first, /correct horse|first-password/)
  // Read at the first start only: another password in the file changes nothing.
  assert.doesNotMatch(await start('\r\n', 'another password'), /another password/)
})

test('an unusable `admin-password-file` ends the start, before anything is made', async () => {
  await using folder = await makeTempFolder('bad-password')
  const file = join(folder.path, 'password')
  const dataDir = join(folder.path, 'data')
  for (const [content, line] of [
    [undefined, /it cannot be read \(ENOENT\)/],
    ['secret\n', /at least 8 characters/],
    ['x'.repeat(5000), /longer than 4096 bytes/],
  ] as const) {
    if (content !== undefined) await writeFile(file, content)
    const { code, stderr } = await runCommand(BERTH_BIN, [
      ...['serve', '--data', dataDir, '--listen-http', '127.0.0.1:0', '--admin-password-file', file],
    ])
    assert.equal(code, 1)
    assert.match(stderr, /^error\[ADMIN_PASSWORD_UNUSABLE\]: [^\n]*\n$/)
    assert.match(stderr, line)
    assert.doesNotMatch(stderr, /secret/)
    await assert.rejects(readFile(join(dataDir, 'berth.db')), { code: 'ENOENT' })
  }
  const pipe = join(folder.path, 'pipe')
  await runOk('mkfifo', [pipe])
  const { code, stderr } = await runCommand(BERTH_BIN, [
    ...['serve', '--data', dataDir, '--listen-http', '127.0.0.1:0', '--admin-password-file', pipe],
  ])
  assert.equal(code, 1, stderr)
  assert.match(stderr, /ADMIN_PASSWORD_UNUSABLE.*no regular file/)
})

/** The first answer with a fault, or the last one: the server's own success of a moment ago still counts for it. */
async function untilUnhealthy(dataDir: string): Promise<CommandResult> {
  const deadline = Date.now() + NOTICE_MS
  for (;;) {
    const result = await runCommand(BERTH_BIN, ['health', '--data', dataDir])
    if (result.code !== 0 || Date.now() > deadline) return result
    await sleep(200)
  }
}

test('while the file of health-file exists the server says that it is not ready, and serves on', async () => {
  await using folder = await makeTempFolder('health')
  const file = join(folder.path, 'out-of-service')
  const { port, server } = await startServer(folder.path, '--health-file', file)
  const request = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`)
  const read = async (path: string): Promise<number> => (await request(path)).status
  try {
    assert.equal(await read('/readyz'), 200)
    await writeFile(file, '')
    const refused = await request('/readyz')
    assert.equal(refused.status, 503)
    assert.match(await refused.text(), /out of service: the file of health-file exists/)
    assert.deepEqual([await read('/livez'), await read('/v2/')], [200, 401])
    await rm(file)
    assert.equal(await read('/readyz'), 200)
  } finally {
    await server.stop()
  }
})

/** A server that listens; its start may still go on. */
async function startServer(
  folder: string,
  ...flags: string[]
): Promise<{ dataDir: string; port: number; server: StartedProcess }> {
  const dataDir = join(folder, 'data')
  const port = await findFreePort()
  const server = await startProcess(BERTH_BIN, {
    args: ['serve', '--data', dataDir, '--listen-http', `127.0.0.1:${port}`, ...flags],
    logFile: join(folder, 'berth.log'),
    isReady: () => isListening(port),
  })
  return { dataDir, port, server }
}
