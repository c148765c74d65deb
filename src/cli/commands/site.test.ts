import assert from 'node:assert/strict'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'
import { runCli } from '../../../test/support/program/run-cli.ts'
import { lockDataFolder } from '../../app/folders/data-folder.ts'

const GOOD = 'client_max_body_size 100m;\nproxy_read_timeout 900;\n'
const CLOSING = 'auth_request /check;\n'

/** A folder of vhost files, and a way to run commands beside it. */
async function openRoom() {
  const temp = await makeTempFolder('site')
  await mkdir(join(temp.path, 'vhost.d'))
  return {
    path: temp.path,
    put: (name: string, text: string) => writeFile(join(temp.path, 'vhost.d', name), text),
    run: (...args: string[]) => runCli(['site', ...args], { cwd: temp.path }),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  }
}

describe('`berth site check`', () => {
  it('checks a folder without a domain', async () => {
    await using room = await openRoom()
    await room.put('app.example.com', GOOD)
    await room.put('app.example.com~', CLOSING)
    const result = await room.run('check', '--vhost-dir', 'vhost.d')
    assert.deepEqual(result, { code: 0, stdout: 'One file checked, nothing found\n', stderr: '' })
  })

  it('names file, line and what is wrong, and fails only if a host is closed', async () => {
    await using room = await openRoom()
    await room.put('app.example.com', `${GOOD}keepalive_frobs 1;\n`)
    const odd = await room.run('check', '--vhost-dir', 'vhost.d')
    assert.equal(odd.code, 0)
    assert.match(odd.stdout, /vhost\.d\/app\.example\.com:3: warning: .*keepalive_frobs/)
    await room.put('app.example.com', `${GOOD}${CLOSING}`)
    const closed = await room.run('check', 'vhost.d/app.example.com')
    assert.equal(closed.code, 1)
    assert.match(closed.stdout, /vhost\.d\/app\.example\.com:3: error: .*auth_request/)
    assert.match(closed.stderr, /^error\[VHOST_FILES_FAULTY\]: One fault closes its host\. Correct /)
  })

  it('goes on behind what the server cannot read, and says what that does to the host', async () => {
    await using room = await openRoom()
    await room.put('b.example.com', CLOSING)
    await mkdir(join(room.path, 'vhost.d', 'a.example.com'))
    await symlink('nowhere', join(room.path, 'vhost.d', 'c.example.com'))
    const { code, stdout } = await room.run('check', '--vhost-dir', 'vhost.d')
    assert.equal(code, 1)
    assert.match(stdout, /a\.example\.com:1: warning: it is no file: a host of this name is closed/)
    assert.match(stdout, /b\.example\.com:1: error: .*auth_request/)
    assert.match(stdout, /c\.example\.com:1: error: it is a link to nothing/)
  })

  it('warns of zones of limits that it does not see', async () => {
    await using room = await openRoom()
    await room.put('app.example.com', 'limit_req zone=nowhere;')
    const { stdout } = await room.run('check', '--vhost-dir', 'vhost.d')
    assert.match(stdout, /:1: warning: .*no limit_req_zone in conf\.d makes/)
  })

  it('tells programs in JSON', async () => {
    await using room = await openRoom()
    await room.put('app.example.com', CLOSING)
    const { stdout } = await room.run('check', '--vhost-dir', 'vhost.d', '--json')
    const { files, problems } = JSON.parse(stdout)
    assert.equal(files.length, 1)
    assert.deepEqual([problems[0].line, problems[0].severity], [1, 'closes'])
  })

  it('says what cannot be read, and that no folder is set', async () => {
    await using room = await openRoom()
    for (const [args, why] of [
      [['nowhere'], /nowhere cannot be read \(ENOENT\)\. Check the path/],
      [['--vhost-dir', 'nowhere'], /nowhere cannot be read \(ENOENT\)\. Check the path/],
    ] as const) {
      const { code, stderr } = await room.run('check', ...args)
      assert.equal(code, 1)
      assert.match(stderr, why)
      assert.match(stderr, /^error\[VHOST_FILES_UNREADABLE\]/)
    }
  })
})

describe('`berth site list`', () => {
  it('says on which folder no server has run, with the folders of a server or without', async () => {
    await using room = await openRoom()
    for (const more of [[], ['--data', 'data']]) {
      const { code, stderr } = await room.run('list', ...more)
      assert.equal(code, 1)
      const folder = join(room.path, more[1] ?? 'berth-data')
      assert.ok(
        stderr.startsWith(
          `error[NO_SITES]: No server with virtual hosts has run on the data folder ${folder}`,
        ),
      )
    }
  })

  it('waits for a server that has just started, and says of one without a domain that it has none', async () => {
    await using room = await openRoom()
    await mkdir(join(room.path, 'berth-data'))
    using _lock = lockDataFolder(join(room.path, 'berth-data'))
    const none = await room.run('list')
    assert.match(
      none.stderr,
      /^error\[NO_SITES\]: The server on the data folder .* has no virtual hosts\. Start it with/,
    )
    const waiting = room.run('list')
    const report = { writtenAt: new Date().toISOString(), docker: 'Docker is not watched', sites: [] }
    const file = join(room.path, 'berth-data', 'sites.json')
    // As the server does it: a reader sees either nothing or the whole file.
    await writeFile(`${file}.new`, JSON.stringify(report))
    await rename(`${file}.new`, file)
    const { code, stderr } = await waiting
    assert.equal(code, 0, stderr)
  })

  it('shows what the last server wrote: each host with cause and fix, and that it stands no more', async () => {
    await using room = await openRoom()
    const site = {
      ...{ host: 'app.example.com', source: 'container app', state: 'down', cause: 'No container runs' },
      ...{
        fix: 'Start one',
        certificate: 'none',
        servers: [{ address: '172.17.0.2:80' }],
        warnings: ['odd'],
      },
    }
    const report = { writtenAt: '2026-01-01T00:00:00.000Z', docker: 'Docker answers', sites: [site] }
    await mkdir(join(room.path, 'berth-data'))
    await writeFile(join(room.path, 'berth-data', 'sites.json'), JSON.stringify(report))
    const { stdout } = await room.run('list')
    assert.match(stdout, /^The server does not run; this is how it stood at 2026-01-01T00:00:00\.000Z\./)
    assert.match(stdout, /\napp\.example\.com +down +container app +none +172\.17\.0\.2:80\n/)
    assert.match(stdout, /\napp\.example\.com: No container runs\. Start one\.\napp\.example\.com: odd\n/)
    assert.deepEqual(JSON.parse((await room.run('list', '--json')).stdout), { isRunning: false, ...report })
  })
})
