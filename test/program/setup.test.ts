import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { describe, it } from 'node:test'
import { part, skipReason } from '../parts/find-parts.ts'
import { startDockerd } from '../parts/start-dockerd.ts'
import { startPebble } from '../parts/start-pebble.ts'
import { busyboxTree } from '../support/content/busybox.ts'
import { makeTar } from '../support/content/tar.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { addHostNames } from '../support/machine/hosts-file.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { until } from '../support/machine/until.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { runCli } from '../support/program/run-cli.ts'
import { isAlive } from '../workers/worker-site.ts'

const DOMAIN = 'setup.example.com'

describe('berth setup', () => {
  it('refuses bad input in one line, with the remedy, and makes nothing', async () => {
    await using folder = await makeTempFolder('setup-refused')
    await using taken = await listenSomewhere()
    const other = [
      '--listen-http',
      `127.0.0.1:${await findFreePort()}`,
      '--docker-host',
      'off',
      '--acme',
      'off',
    ]
    const free = [...other, '--listen-https', `127.0.0.1:${await findFreePort()}`]
    const busy = [...other, '--listen-https', `127.0.0.1:${taken.port}`]
    const rows: readonly [readonly string[], number, RegExp][] = [
      [
        ['--domain', 'https://a.example.com/'],
        2,
        /DOMAIN_UNUSABLE.* is a URL\. Give the name alone: a\.example\.com/,
      ],
      [['--domain', '192.0.2.1'], 2, /DOMAIN_UNUSABLE.* is an address\. Make a DNS record/],
      [['--domain', '2001:db8::1'], 2, /DOMAIN_UNUSABLE.* is an address/],
      [['--domain', 'a.example.com:443'], 2, /DOMAIN_UNUSABLE.*Give the name alone: a\.example\.com/],
      [[], 2, /USAGE.*The domain is missing\. Give --domain/],
      [
        ['--domain', 'no-such-registry.example.com', ...free],
        1,
        /SETUP_BLOCKED.*cannot be resolved.*Add an A record/,
      ],
      [['--domain', 'localhost', ...busy], 1, /SETUP_BLOCKED.*listens on.*ss -ltnp/],
      [['--domain', 'localhost', '--data', '/proc/x', ...free], 1, /DATA_NOT_WRITABLE.*\/proc\/x/],
      [['--domain', 'localhost', '--config', '/proc/x/berth.yaml', ...free], 1, /SYSTEM_REFUSED.*\/proc\/x/],
      [['--domain', 'localhost', '--wait', 'soon', ...free], 2, /USAGE.*no duration/],
    ]
    for (const [args, code, message] of rows) {
      const result = await runCli(['setup', ...args], { cwd: folder.path, env: { PATH: '' } })
      const errors = result.stderr.split('\n').filter((line) => line.startsWith('error['))
      assert.equal(result.code, code, `${args.join(' ')}\n${result.stderr}`)
      assert.equal(errors.length, 1, result.stderr)
      assert.match(errors[0] ?? '', message)
      assert.deepEqual(await readdir(folder.path), [])
    }
    const short = await runCli(['setup', '--domain', 'localhost', '--password-stdin', ...free], {
      ...{ cwd: folder.path, stdin: 'short\n', env: { PATH: '' } },
    })
    assert.match(short.stderr, /^error\[PASSWORD_TOO_SHORT\]/m)
    assert.deepEqual(await readdir(folder.path), [])
  })

  it('without a service writes settings and administrator once, and prints the command', async () => {
    await using folder = await makeTempFolder('setup-alone')
    const listen = [
      ...['--listen-http', `127.0.0.1:${await findFreePort()}`],
      ...['--listen-https', `127.0.0.1:${await findFreePort()}`, '--docker-host', 'off', '--acme', 'off'],
    ]
    const setup = (...args: string[]) => runCli(['setup', ...args], { cwd: folder.path, env: { PATH: '' } })
    const dry = await setup('--domain', 'localhost', '--dry-run', ...listen)
    assert.equal(dry.code, 0, dry.stderr)
    assert.match(dry.stdout, /Would print: berth serve --config .*berth\.yaml[\s\S]*Nothing was changed/)
    assert.deepEqual(await readdir(folder.path), [])

    const file = join(folder.path, 'berth.yaml')
    await writeFile(file, '# kept\nworkers: 1\n', { mode: 0o640 })
    const first = await setup('--domain', 'localhost', ...listen)
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /User: admin\nPassword, shown only now: \S{20}\n/)
    assert.match(first.stdout, /^ {2}berth serve --config .*berth\.yaml$/m)
    assert.match(first.stdout, /^ {2}docker login localhost:\d+ --username admin$/m)
    const text = await readFile(file, 'utf8')
    assert.match(text, /^# kept\nworkers: 1\n/)
    assert.match(text, /^domain: localhost$/m)
    assert.equal((await stat(file)).mode & 0o777, 0o640)

    const again = await setup()
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /as it was\nAccounts are there already/)
    assert.equal(await readFile(file, 'utf8'), text)

    const other = await setup('--domain', 'localhost.localdomain')
    assert.equal(other.code, 2)
    assert.match(
      other.stderr,
      /error\[SETTINGS_DIFFER\]: .*berth\.yaml exists, and has other values: domain: localhost\. /,
    )
    assert.equal(await readFile(file, 'utf8'), text)
    const forced = await setup('--workers', '2', '--force')
    assert.equal(forced.code, 0, forced.stderr)
    assert.match(await readFile(file, 'utf8'), /^# kept\nworkers: "?2"?$/m)
  })

  it('goes from nothing to a docker push over trusted TLS in 60 s, with two typed lines', {
    skip: skipReason('pebble', 'pebble-challtestsrv', 'openssl', 'curl', 'docker', 'dockerd', 'busybox'),
    timeout: 300_000,
  }, async (t) => {
    await using resources = new AsyncDisposableStack()
    const machine = resources.use(await makeMachine())
    // After the machine has its name: Docker remembers the hosts file for some seconds.
    const daemon = await startDockerd()
    resources.defer(() => daemon.stop())
    const { folder, pebble, flags, env } = machine
    const host = `${DOMAIN}:${pebble.tlsPort}`
    const trusted = `/etc/docker/certs.d/${host}`
    await mkdir(trusted, { recursive: true })
    resources.defer(() => rm(trusted, { recursive: true }))
    await writeFile(join(trusted, 'ca.crt'), await pebble.manage('/roots/0'))
    const docker = (args: readonly string[], input?: string | Uint8Array) =>
      runOk(part('docker'), args, {
        input,
        env: { PATH: process.env.PATH, HOME: folder, DOCKER_HOST: `unix://${daemon.socket}` },
      })

    const startedAt = performance.now()
    // All that is typed; then the input ends.
    const input = `${DOMAIN}\nadmin@example.com\n`
    const done = await runCommand(BERTH_BIN, ['setup', ...flags], {
      ...{ env, cwd: folder, input },
    })
    assert.equal(done.code, 0, done.stdout + done.stderr)
    const [, password] = /^Password, shown only now: (\S+)$/m.exec(done.stdout) ?? []
    assert.ok(password, done.stdout)
    const [, ...login] = /^ {2}(docker login .*)$/m.exec(done.stdout)?.[1]?.split(' ') ?? []
    assert.deepEqual(login, ['login', host, '--username', 'admin'])
    assert.match(await docker([...login, '--password-stdin'], password), /Login Succeeded/)
    await docker(['import', '-', `${host}/admin/app:1`], makeTar(busyboxTree()))
    await docker(['push', `${host}/admin/app:1`])
    const seconds = (performance.now() - startedAt) / 1000
    t.diagnostic(`from nothing to a push: ${seconds.toFixed(1)} s`)
    assert.ok(seconds < 60, `${seconds} s`)

    const calls = (await readFile(join(folder, 'systemctl.log'), 'utf8')).trim().split('\n')
    assert.deepEqual(
      calls.filter((call) => !call.startsWith('show')),
      ['enable berth.service', 'restart berth.service'],
    )
    const again = await runCommand(BERTH_BIN, ['setup'], { env, cwd: folder, input: '' })
    assert.equal(again.code, 0, again.stdout + again.stderr)
    assert.match(again.stdout, /as it was\nAccounts are there already/)
    assert.doesNotMatch(again.stdout, /Password/)
    await assert.rejects(stat(join(folder, 'data/first-password')))
  })

  it('says why the CA issued nothing, and ends', {
    skip:
      skipReason('pebble', 'pebble-challtestsrv', 'openssl', 'curl') ||
      (process.getuid?.() !== 0 && 'needs root'),
    timeout: 120_000,
  }, async () => {
    await using machine = await makeMachine()
    const { folder, pebble, flags, env } = machine
    // The CA finds another machine behind the name.
    await pebble.setDns('/set-default-ipv4', { ip: '127.0.0.9' })
    const given = ['--domain', DOMAIN, '--acme-email', 'admin@example.com', '--wait', '15s']
    const result = await runCommand(BERTH_BIN, ['setup', ...flags, ...given], { env, cwd: folder })
    assert.equal(result.code, 1, result.stdout + result.stderr)
    assert.match(result.stdout, /^Password, shown only now: /m, result.stderr)
    assert.match(
      result.stderr,
      /^error\[CERTIFICATE_MISSING\]: .*ACME_[A-Z_]+: .*then run "berth setup[^"]*" again/m,
    )
  })
})

async function listenSomewhere(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      server.close()
    },
  }
}

/**
 * A machine with the domain's name, a CA, and a unit that is installed. No systemd runs where tests do: a script of its
 * name answers `show`, and `restart` starts the server that the unit would start, and waits until it serves.
 */
async function makeMachine() {
  await using resources = new AsyncDisposableStack()
  const { path: folder } = resources.use(await makeTempFolder('setup'))
  resources.use(await addHostNames('127.0.0.1', [DOMAIN]))
  const pebble = resources.use(await startPebble())
  const config = join(folder, 'berth.yaml')
  const lines = [
    '#!/bin/sh',
    `cd ${folder}`,
    'echo "$*" >> systemctl.log',
    'case $1 in',
    `show) printf 'LoadState=loaded\\nEnvironment=BERTH_CONFIG=${config}\\n' ;;`,
    'restart)',
    `  BERTH_CONFIG=${config} setsid ${BERTH_BIN} serve > berth.log 2>&1 < /dev/null &`,
    '  echo $! > pid',
    '  for _ in $(seq 300); do [ -e data/server.json ] && exit 0; sleep 0.1; done',
    '  exit 1 ;;',
    'esac',
  ]
  await mkdir(join(folder, 'bin'))
  await writeFile(join(folder, 'bin/systemctl'), `${lines.join('\n')}\n`, { mode: 0o755 })
  resources.defer(async () => {
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '0'))
    if (pid > 0) await stopServer(pid)
  })
  const flags = [
    ...['--data', join(folder, 'data'), '--docker-host', 'off'],
    ...['--listen-http', `127.0.0.1:${pebble.httpPort}`, '--listen-https', `127.0.0.1:${pebble.tlsPort}`],
    ...['--acme-directory', pebble.directoryUrl, '--acme-directory-ca', pebble.caFile],
  ]
  const env = { PATH: `${join(folder, 'bin')}:${process.env.PATH}`, HOME: folder }
  const kept = resources.move()
  return { folder, pebble, flags, env, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Ends the server, and waits until it is gone: its folder is removed next. */
async function stopServer(pid: number): Promise<void> {
  if (await isAlive(pid)) process.kill(pid, 'SIGTERM')
  await until(async () => !(await isAlive(pid)))
}
