import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { readVersion } from '../../src/app/product.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { type CommandResult, runCommand } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { BERTH_BIN } from '../support/program/boot-berth.ts'
import { cleanEnvironment, serve } from '../support/program/served-berth.ts'
import { NO_TERMINAL, runOnTerminal } from '../support/program/terminal.ts'

const ENTER = '\r'
/** A setup that leaves an installed service of this machine alone. */
const SETUP = ['setup', '--config', 'berth.yaml']
/** No Docker: the command that is printed runs on this machine. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///absent/docker.sock' }

describe('answers of berth setup', { timeout: 300_000 }, () => {
  it('come from variables too, which are shown and written', async () => {
    await using folder = await makeTempFolder('setup-variables')
    const flags = await freeListeners()
    const password = join(folder.path, 'secret')
    await writeFile(password, 'correct horse battery\n')
    const env = {
      ...{
        BERTH_DOMAIN: 'localhost',
        BERTH_ADMIN_PASSWORD_FILE: 'secret',
        VIRTUAL_HOST: 'other.example.com',
      },
      ...{ DEFAULT_EMAIL: 'admin@example.com', REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: 'images' },
    }
    const done = await setup(folder.path, flags, env)
    assert.equal(done.code, 0, done.stderr)
    for (const line of [
      'domain: localhost, from BERTH_DOMAIN',
      'acme-email: admin@example.com, from DEFAULT_EMAIL',
      'registry-root: images, from REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY',
      'User: admin, with the given password',
    ])
      assert.ok(done.stdout.split('\n').includes(line), `${line}\n${done.stdout}`)
    const text = await readFile(join(folder.path, 'berth.yaml'), 'utf8')
    for (const line of [
      ...['domain: localhost', 'acme-email: admin@example.com'],
      ...[`registry-root: ${join(folder.path, 'images')}`, `admin-password-file: ${password}`],
    ])
      assert.ok(text.split('\n').includes(line), `${line}\n${text}`)
    assert.doesNotMatch(text, /other\.example/)
    assert.equal(await logIn(join(folder.path, 'images/berth'), 'correct horse battery'), 200)

    const again = await setup(folder.path, [], env)
    assert.equal(again.code, 0, again.stderr)
    assert.match(again.stdout, /^Settings: .*, as it was$/m)
    const bare = await setup(folder.path, [], {})
    assert.equal(bare.code, 0, bare.stderr)
    assert.match(bare.stdout, /^domain: localhost, from .*berth\.yaml$/m)
  })

  it('that contradict each other end it before anything is made', async () => {
    await using folder = await makeTempFolder('setup-contradiction')
    const flags = await freeListeners()
    const env = { BERTH_DOMAIN: 'a.example.com' }
    const two = await setup(folder.path, ['--domain', 'b.example.com', ...flags], env)
    assert.equal(two.code, 2)
    assert.match(
      two.stderr,
      /^error\[SETTINGS_DIFFER\]: --domain is b\.example\.com, and BERTH_DOMAIN is a\.example\.com\. Leave out the flag, or unset BERTH_DOMAIN\./m,
    )
    assert.deepEqual(await readdir(folder.path), [])
    const same = await setup(folder.path, ['--domain', 'A.example.com', '--dry-run', ...flags], env)
    assert.doesNotMatch(same.stderr, /SETTINGS_DIFFER/)

    const text = 'domain: [localhost, localhost.localdomain]\n'
    await writeFile(join(folder.path, 'berth.yaml'), text)
    const other = await setup(folder.path, flags, env)
    assert.equal(other.code, 2)
    assert.match(
      other.stderr,
      /has other values: domain: localhost,localhost\.localdomain\. Give --force .* unset BERTH_DOMAIN/,
    )
    assert.equal(await readFile(join(folder.path, 'berth.yaml'), 'utf8'), text)
    // The same list in other words is no contradiction.
    const equal = await setup(folder.path, [...flags, '--dry-run'], {
      BERTH_DOMAIN: 'localhost, localhost.localdomain',
    })
    assert.doesNotMatch(equal.stderr, /SETTINGS_DIFFER/)
  })

  it('are asked again at a terminal if they are wrong, three times', { skip: NO_TERMINAL }, async () => {
    await using folder = await makeTempFolder('setup-typed')
    const flags = (await freeListeners()).join(' ')
    const domain = { question: /Domain of the registry/, key: `https://localhost/${ENTER}` }
    const mail = { question: /Mail address for the CA/, key: `nobody${ENTER}` }
    const good = await runOnTerminal(
      `${SETUP.join(' ')} ${flags}`,
      [
        domain,
        { ...domain, key: `not_a_name${ENTER}` },
        { ...domain, key: `localhost${ENTER}` },
        mail,
        { ...mail, key: `a@example.com${ENTER}` },
      ],
      folder.path,
    )
    assert.equal(good.code, 0, good.output)
    assert.match(good.output, /warning: The domain .* is a URL\. Give the name alone: localhost\./)
    assert.match(good.output, /warning: "not_a_name" is no host name\./)
    assert.match(good.output, /warning: "nobody" is no mail address\. Give one such as/)
    assert.match(await readFile(join(folder.path, 'berth.yaml'), 'utf8'), /^acme-email: a@example\.com$/m)

    await using other = await makeTempFolder('setup-mistyped')
    const bad = await runOnTerminal(
      `${SETUP.join(' ')} ${flags}`,
      [domain, domain, domain, domain],
      other.path,
    )
    assert.equal(bad.code, 2, bad.output)
    assert.match(bad.output, /error\[DOMAIN_UNUSABLE\]/)
    assert.equal(bad.output.match(/warning: The domain/g)?.length, 2)
    assert.deepEqual(await readdir(other.path), [])
  })

  it('do not cost the first password if the output is closed while it is printed', async () => {
    await using folder = await makeTempFolder('setup-closed')
    const flags = await freeListeners()
    for (const format of [[], ['--json']]) {
      const cut = await setupUntilRead(folder.path, ['--domain', 'localhost', ...format, ...flags])
      assert.equal(cut.code, 1, cut.stderr)
      assert.match(cut.stderr, /OUTPUT_CLOSED.*EPIPE/)
      assert.deepEqual((await readdir(folder.path)).sort(), ['berth-data', 'berth.yaml'])
    }
    const full = await runCommand('sh', ['-c', `exec ${BERTH_BIN} ${SETUP.join(' ')} --json > /dev/full`], {
      ...{ cwd: folder.path, env: cleanEnvironment() },
    })
    assert.match(full.stderr, /OUTPUT_CLOSED.*ENOSPC/)
    const shown = await setup(folder.path, [], {})
    const [, password = ''] = /^Password, shown only now: (\S+)$/m.exec(shown.stdout) ?? []
    assert.equal(await logIn(join(folder.path, 'berth-data'), password), 200)
    assert.equal(await logIn(join(folder.path, 'berth-data'), `${password}x`), 401)
    const last = await setup(folder.path, [], {})
    assert.match(last.stdout, /Accounts are there already/)
  })
})

describe('the start that berth setup prints without a service', () => {
  it('is one docker run where Docker answers, with the ports and paths of the settings', async () => {
    await using folder = await makeTempFolder('setup-docker')
    await using engine = await makeTempFolder('setup-engine')
    await writeFile(join(engine.path, 'docker'), '#!/bin/sh\n[ "$1" = version ]\n', { mode: 0o755 })
    const env = { PATH: `${engine.path}:${process.env.PATH}` }
    const [port, certificates] = [await findFreePort(), join(folder.path, 'certs')]
    await mkdir(certificates)
    const flags = [
      ...['--domain', 'localhost', '--listen-http', 'off', '--listen-https', `127.0.0.1:${port}`],
      ...['--docker-host', 'off', '--acme', 'off', '--certs', 'certs'],
    ]
    const done = await setup(folder.path, flags, env)
    assert.equal(done.code, 0, done.stderr)
    const at = folder.path
    const { uid, gid } = await stat(join(at, 'berth-data'))
    const words = [
      'docker run --detach --name berth --restart unless-stopped --stop-timeout 35 --cap-drop ALL',
      `--user ${uid}:${gid} -p 127.0.0.1:${port}:${port} -e BERTH_LISTEN_HTTPS=:${port}`,
      `-v ${at}/berth.yaml:${at}/berth.yaml:ro -e BERTH_CONFIG=${at}/berth.yaml`,
      `-v ${at}/berth-data:${at}/berth-data -v ${certificates}:${certificates} berth:${readVersion()}`,
    ]
    assert.ok(done.stdout.split('\n').includes(`  ${words.join(' ')}`), `${words.join(' ')}\n${done.stdout}`)
    assert.match(done.stdout, /^First load the image berth:\S+, .*docker load --input FILE$/m)
    assert.match(done.stdout, /^Without a container:\n\n {2}berth serve --config \S+$/m)
    const json = JSON.parse((await setup(at, ['--json'], env)).stdout) as { start: string }
    assert.equal(json.start, words.join(' '))
  })

  it('is berth serve if the settings hold for this machine only', async () => {
    await using folder = await makeTempFolder('setup-machine')
    await using engine = await makeTempFolder('setup-engine')
    await writeFile(join(engine.path, 'docker'), '#!/bin/sh\nexit 0\n', { mode: 0o755 })
    const env = { PATH: `${engine.path}:${process.env.PATH}` }
    const socket = ['--listen-http', `unix:${join(folder.path, 'http.sock')}`]
    const done = await setup(
      folder.path,
      ['--domain', 'localhost', ...(await freeListeners()), ...socket],
      env,
    )
    assert.equal(done.code, 0, done.stderr)
    assert.match(done.stdout, /^ {2}berth serve --config \S+$/m)
    assert.doesNotMatch(done.stdout, /docker run/)
  })
})

function setup(
  cwd: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return runCommand(BERTH_BIN, [...SETUP, ...args], {
    cwd,
    env: { ...cleanEnvironment(), ...NO_ENGINE, ...variables },
  })
}

/** Runs a setup whose output is closed as soon as it has written its first text, or at once with `--json`. */
async function setupUntilRead(
  cwd: string,
  args: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const child = spawn(BERTH_BIN, [...SETUP, ...args], { cwd, env: cleanEnvironment() })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  if (args.includes('--json')) child.stdout.destroy()
  else child.stdout.once('data', () => child.stdout.destroy())
  const [code] = (await once(child, 'close')) as [number]
  return { code, stderr }
}

async function freeListeners(): Promise<string[]> {
  return [
    ...['--listen-http', `127.0.0.1:${await findFreePort()}`],
    ...['--listen-https', `127.0.0.1:${await findFreePort()}`, '--docker-host', 'off', '--acme', 'off'],
  ]
}

/** Status of a token request of the administrator, at a server on this data folder. */
async function logIn(dataDir: string, password: string): Promise<number> {
  await using server = await serve(dataDir, '--registry-root', join(dataDir, '..'))
  const authorization = `Basic ${btoa(`admin:${password}`)}`
  const answer = await fetch(`${server.url}/token?service=x`, { headers: { authorization } })
  await answer.body?.cancel()
  return answer.status
}
