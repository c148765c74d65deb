// long: its last test compares what all others have run with one list of commands
import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { findPart } from '../parts/find-parts.ts'
import { makeMail } from '../support/certificates/paper-ca.ts'
import { readBlocks, readFencedCommands } from './fenced-commands.ts'
import { RUN_BY_NODE } from './how-commands-run.ts'
import { runPlain } from './plain-commands.ts'
import { openReader, type Reader, type ReaderSettings } from './reader.ts'

const PASSWORD = 'correct horse battery'
const TYPED = [`${PASSWORD}\r`, `${PASSWORD}\r`]
/** Settings that keep a server from the internet and from the containers of this machine. */
const QUIET = { listens: 'both', BERTH_ACME: 'off', BERTH_DOCKER_HOST: 'off' } as const

const done = new Set<string>()
/** Commands whose program this machine lacks; in CI nothing may be missing. */
const missing = new Set<string>()

async function withReader(settings: ReaderSettings, act: (reader: Reader) => Promise<void>): Promise<void> {
  await using reader = await openReader(settings)
  await act(reader)
  for (const command of reader.done) done.add(command)
}

/** True if a program is there; without it the commands are left out, except in CI. */
function has(program: string, ...commands: readonly string[]): boolean {
  if (findPart(program) !== undefined || process.env.CI === 'true') return true
  for (const command of commands) missing.add(command)
  return false
}

test('the first commands of the README', async () => {
  await withReader({}, async (reader) => {
    await reader.serve('npm ci && npm start', async () => {
      await reader.run('curl --fail --silent http://127.0.0.1:5000/readyz')
      await reader.answer('bin/berth user add alice', TYPED)
      await reader.run('bin/berth repo list')
      await reader.answer('bin/berth selftest --username alice', [`${PASSWORD}\r`])
    })
    await reader.run('bin/berth --help')
    await reader.run('berth version')
  })
})

test('a server behind a proxy that does TLS', async () => {
  const command = RUN_BY_NODE.find((found) => found.includes('--insecure-http')) ?? ''
  await withReader({}, (reader) => reader.serve(command))
})

test('a server with a domain', async () => {
  await withReader(QUIET, async (reader) => {
    await reader.serve('berth serve --domain registry.example.com')
    await reader.serve('berth serve --domain registry.example.com --workers auto')
    await reader.serve('berth serve --domain registry.example.com --docker-host tcp://socket-proxy:2375')
  })
})

test('a server with a certificate of its own', async () => {
  await withReader({ listens: 'tls' }, async (reader) => {
    await reader.run('berth cert self-signed registry.example.com --out .')
    await reader.serve(
      'bin/berth serve --data /var/lib/berth --tls-cert registry.example.com.crt --tls-key registry.example.com.key',
    )
    await reader.run('cp registry.example.com.crt chain.crt; cp registry.example.com.key registry.key')
    await reader.serve('berth serve --tls-cert chain.crt --tls-key registry.key')
  })
})

test('tokens and robots', async () => {
  await withReader({}, async (reader) => {
    await reader.run('berth user add alice --new --password-stdin', { input: PASSWORD })
    for (const command of RUN_BY_NODE.filter((found) => /^berth (?:token|robot) /.test(found))) {
      if (/ (?:revoke|remove) /.test(command)) await reader.answer(command, ['y'])
      else await reader.run(command)
    }
  })
})

test('password files', async () => {
  const make = 'htpasswd -B -C 10 -c users.htpasswd carol'
  const serve = 'bin/berth serve --htpasswd-file users.htpasswd'
  await withReader({}, async (reader) => {
    if (!has('htpasswd', make, serve)) return
    // -i: the password comes by standard input, as there is no terminal.
    await reader.run(make.replace('htpasswd', 'htpasswd -i'), { input: PASSWORD })
    await reader.serve(serve, async () => {
      const { stdout } = await reader.run('berth user list')
      assert.match(stdout, /^carol +user +enabled +htpasswd/m)
    })
    done.add(make)
  })
  const [lost = '', meant = ''] = RUN_BY_NODE.filter((command) => command.includes('openssl passwd'))
  await withReader({}, async (reader) => {
    if (!has('openssl', lost, meant)) return
    for (const [command, text] of [
      [lost, /^carol:\$6\$.*n$/],
      [meant, /^carol:\$6\$.*\n$/],
    ] as const) {
      await reader.run(`${command.replace('passwd -6', 'passwd -6 -stdin').replace('>>', '>')}`, {
        input: PASSWORD,
      })
      assert.match(await readFile(reader.path('users.htpasswd'), 'utf8'), text)
      done.add(command)
    }
  })
})

test('accounts', async () => {
  await withReader({}, async (reader) => {
    await reader.run('echo "$PASSWORD" | berth user add root --admin --new --password-stdin')
    await reader.answer('berth user add alice', TYPED)
    await reader.run('printf \'%s\\n\' "$PASSWORD" | berth user add ci --password-stdin')
    await reader.answer('berth user passwd alice', TYPED)
    await reader.run('berth user disable alice')
    await reader.answer('berth user remove alice', ['y'])
    const { stdout } = await reader.run('berth user list')
    assert.deepEqual(stdout.match(/^\w+(?= )/gm), ['NAME', 'ci', 'root'])
    await reader.run('pass show alice | berth user add alice --password-stdin')
  })
})

test('policies', async () => {
  await withReader({}, async (reader) => {
    await reader.answer('berth user add alice --new', TYPED)
    await reader.run('berth policy export > policies.yaml')
    const [, example = ''] = /```yaml\n([\s\S]*?)```/.exec(await readFile('docs/policies.md', 'utf8')) ?? []
    await writeFile(reader.path('policies.yaml'), example)
    assert.match(
      (await reader.run('berth policy apply policies.yaml --dry-run')).stdout,
      /^\+ .*team\/sandbox/m,
    )
    await reader.run('berth policy apply policies.yaml')
    assert.match((await reader.run('berth policy show')).stdout, /^Version 1, /)
    assert.match((await reader.run('berth policy test team/app:v1')).stdout, /v1 is immutable/)
  })
})

test('access', async () => {
  await withReader({}, async (reader) => {
    for (const name of ['alice', 'bob', 'ci', 'customer'])
      await reader.answer(`berth user add ${name} --new`, TYPED)
    await reader.run("berth access visibility 'alice/**' public")
    await reader.run("berth access visibility 'open/**' public")
    await reader.run('berth group add backend alice bob')
    await reader.run("berth access grant group:backend 'team/**' pull push")
    assert.match((await reader.run('berth access explain alice team/app push')).stdout, /^allowed/)
    await reader.run('berth access export > access.yaml')
    await reader.run('berth access apply access.yaml --dry-run')
    const page = await readFile('docs/access.md', 'utf8')
    const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
    assert.equal(examples.length, 4)
    for (const [, example = ''] of examples) {
      // The accounts of this test are users.
      await writeFile(reader.path('access.yaml'), example.replaceAll('robot:', 'user:'))
      assert.match((await reader.run('berth access apply access.yaml')).stdout, /in force as version/)
    }
  })
})

test('retention', async () => {
  await withReader({}, async (reader) => {
    await reader.answer('berth user add alice --new', TYPED)
    const page = await readFile('docs/retention.md', 'utf8')
    const [[, example = ''] = [], ...recipes] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
    await writeFile(reader.path('policies.yaml'), example)
    await reader.run('berth retention dry-run --file policies.yaml')
    await reader.run('berth policy apply policies.yaml')
    assert.match((await reader.run('berth retention dry-run')).stdout, /^0 of 0 tags would end$/m)
    await reader.run('berth retention dry-run --ending')
    assert.match((await reader.run('berth retention run')).stdout, /^0 of 0 tags in 0 repositories ended/m)
    assert.match((await reader.run('berth retention log')).stdout, /^1 .* command .* done$/m)
    assert.ok(recipes.length > 0)
    for (const [, recipe = ''] of recipes) {
      const indented = recipe.replaceAll(/^/gm, '      ')
      await writeFile(
        reader.path('policies.yaml'),
        `policies:\n  - repositories: [app]\n    retention:\n${indented}`,
      )
      await reader.run('berth policy apply policies.yaml')
    }
  })
})

test('upkeep', async () => {
  await withReader({}, async (reader) => {
    await reader.answer('berth user add alice --new', TYPED)
    const { stdout } = await reader.run('berth gc status')
    assert.match(stdout, /^deleted repositories +0 +-$/m)
    assert.match((await reader.run('berth audit')).stdout, /^TIME +WHO +ACTION/)
    await runPlain(reader)
    assert.match((await reader.run('berth du')).stdout, /^due to be removed +0 B$/m)
    await reader.run('berth read-only on --reason "moving to a new disk"')
    assert.match((await reader.run('berth read-only status')).stdout, /read-only since .*: moving/)
    await reader.run('berth read-only off')
    await reader.run('berth gc --dry-run')
    await reader.run('berth gc')
  })
})

test('scrub', async () => {
  await withReader({}, async (reader) => {
    await reader.answer('berth user add alice --new', TYPED)
    assert.match((await reader.run('berth scrub status')).stdout, /^begun +never$/m)
    for (const command of ['berth scrub', 'berth scrub --now', 'berth scrub --again'])
      assert.match((await reader.run(command)).stdout, /^Verified: 0 blobs and manifests/)
    assert.match((await reader.run('berth scrub status')).stdout, /^damaged now +0$/m)
    assert.match((await reader.run('berth scrub list')).stdout, /^DIGEST/)
  })
})

test('buying a certificate', async () => {
  const host = 'registry.example.com'
  await withReader({ BERTH_CERTS: 'certs' }, async (reader) => {
    await mkdir(reader.path('certs'))
    await mkdir(reader.path('mail'))
    await reader.run(`berth cert csr ${host}`)
    await access(reader.path('registry_example_com.csr'))
    const { leaf, lower, upper, root } = makeMail([host])
    // The certificate the CA would have signed, and its key in the place of the CSR's key.
    await writeFile(reader.path('registry_example_com.key'), leaf.keyPem)
    await writeFile(reader.path('mail', 'a.crt'), leaf.pem)
    await writeFile(reader.path('mail', 'b.crt'), root.pem + upper.pem + lower.pem)
    await reader.run(`berth cert install ${host} mail/*`)
    await access(reader.path('certs', `${host}.crt`))
    const line = RUN_BY_NODE.find((command) => command.startsWith('berth cert csr openssl')) ?? ''
    await reader.run(line)
    await access(reader.path('www_example_com.csr'))
  })
})

test('coming from nginx-proxy', async () => {
  const folders = '--certs ~/nginx/certs --vhost-dir ~/nginx/vhost.d --htpasswd-dir ~/nginx/passwords'
  await withReader(QUIET, async (reader) => {
    for (const name of ['certs', 'vhost.d', 'passwords'])
      await mkdir(reader.path('nginx', name), { recursive: true })
    // The name does not resolve on this machine, which doctor reports.
    await reader.run(`berth doctor --domain registry.example.com ${folders}`, { code: [0, 1] })
    await reader.serve(`berth serve --domain registry.example.com ${folders}`, async () => {
      assert.match((await reader.run('berth site list')).stdout, /^registry\.example\.com +\w/m)
    })
  })
})

test('backup, restoring and moving', async () => {
  const sections = ['Backup', 'Restoring', 'Moving a data folder'] as const
  const [backup, restore, move] = sections.map((section) => commandsBelow(section))
  await withReader({}, async (reader) => {
    assert.ok(backup?.length && restore?.length && move?.length)
    if (!has('sqlite3', ...backup, ...restore, ...move)) return
    await reader.run('echo "$PASSWORD" | berth user add alice --new --password-stdin')
    await reader.run('berth cert ca --new')
    await reader.serve('berth serve', async () => {
      await reader.answer(
        'sudo -u berth env BERTH_DATA=/var/lib/berth berth user add alice'.replace('alice', 'bob'),
        TYPED,
      )
      await reader.run('sudo -u berth env BERTH_DATA=/var/lib/berth berth doctor', { code: [0, 1] })
      await reader.run('echo "$PASSWORD" | berth selftest --username alice --password-stdin')
      await reader.run(backup.join('\n'))
    })
    await access(reader.path('backup', 'certificates', 'ca', 'authority.pem'))
    await reader.run(restore.join('\n'))
    await reader.serve('berth serve', async () => {
      assert.match((await reader.run('berth user list')).stdout, /^bob /m)
      await reader.run('echo "$PASSWORD" | berth selftest --username alice --password-stdin')
    })
    await reader.run(move.join('\n'))
    await reader.run('berth user list --data /srv/berth')
    done.add('sudo -u berth env BERTH_DATA=/var/lib/berth berth user add alice')
    for (const command of [...backup, ...restore, ...move]) done.add(command)
  })
})

test('disaster recovery', async () => {
  await withReader({}, async (reader) => {
    const push = 'echo "$PASSWORD" | berth selftest --username alice --password-stdin'
    const readName = async () => (await reader.run('berth repo list')).stdout
    await reader.run('echo "$PASSWORD" | berth user add alice --new --password-stdin')
    await reader.serve('berth serve', async () => {
      await reader.run(push)
      await reader.run('berth backup /backup/berth')
      await reader.run('berth backup /backup/berth --keep 7')
      assert.match((await reader.run('berth backup list /backup/berth')).stdout, /complete/)
      await reader.run('berth backup verify /backup/berth')
      await reader.run('berth backup verify /backup/berth --quick')
    })
    const names = await readName()
    // A disk that is lost.
    await reader.run('mv var/berth lost')
    await reader.run('berth restore /backup/berth --to /var/lib/berth')
    await reader.run('berth doctor', { code: [0, 1] })
    assert.equal(await readName(), names)
    // A database that is damaged.
    for (const command of commandsBelow('Database damaged', 'docs/disaster-recovery.md'))
      await reader.run(command)
    assert.equal(await readName(), names)
    // A blob that is damaged: the digest of the page is none, so that one of the backup takes its place.
    const [copy = ''] = commandsBelow('Blob damaged', 'docs/disaster-recovery.md')
    const { stdout } = await reader.run('cd backup/berth/docker/registry/v2/blobs/sha256 && ls -d */*')
    const [prefix = '', hex = ''] = stdout.split('\n')[0]?.split('/') ?? []
    await reader.run(copy.replaceAll('ab/DIGEST', `${prefix}/${hex}`))
    done.add(copy)
    // An image that is copied from a second server.
    await reader.run('berth restore /backup/berth --to /srv/berth')
    await reader.serve('berth serve --data /srv/berth --listen-http 127.0.0.1:5001')
    // Without Berth's commands.
    await reader.run('mv var/berth lost-again')
    for (const command of commandsBelow("Without Berth's commands", 'docs/disaster-recovery.md'))
      await reader.run(command)
    await reader.serve('berth serve', async () => {
      await reader.run(push)
    })
  })
})

/** The commands of a section of a page, in order. */
function commandsBelow(section: string, of = 'docs/operations.md'): string[] {
  return readFencedCommands()
    .filter(({ page, heading }) => page === of && heading === section)
    .map(({ command }) => command)
}

test('the unit of systemd is one', async (context) => {
  const unit =
    readBlocks().find(({ text }) => text.startsWith('# /etc/systemd/system/berth.service'))?.text ?? ''
  assert.notEqual(unit, '')
  if (!findPart('systemd-analyze')) return context.skip('systemd-analyze is not installed')
  await withReader({}, async (reader) => {
    await writeFile(
      reader.path('berth.service'),
      unit.replaceAll('/usr/local/bin/berth', reader.path('programs', 'berth')),
    )
    const { stderr } = await reader.run('systemd-analyze verify ./berth.service', { code: [0, 1] })
    assert.doesNotMatch(stderr, /berth\.service:\d+:|Unknown|not executable|Failed to parse/i)
  })
})

test('the DNS hook runs as it stands', async () => {
  const script = readFencedCommands().find(({ command }) => command.startsWith('#!'))?.command ?? ''
  await withReader({ PROVIDER_TOKEN: 'token' }, async (reader) => {
    await writeFile(reader.path('programs', 'curl'), '#!/bin/sh\necho "$@"\n')
    await writeFile(reader.path('hook'), `${script}\n`)
    for (const file of [reader.path('programs', 'curl'), reader.path('hook')]) chmodSync(file, 0o755)
    const added = await reader.run('./hook add _acme-challenge.example.com value')
    assert.match(added.stdout, /-X PUT .*\/_acme-challenge\.example\.com\/TXT\/value$/m)
    assert.match((await reader.run('./hook remove a b')).stdout, /-X DELETE /)
  })
})

// Last: it checks what the others have done.
test('every command that is listed as run here was run', () => {
  const left = RUN_BY_NODE.filter((command) => !done.has(command) && !missing.has(command))
  assert.deepEqual(left, [], 'they are listed as run here, but no test ran them')
})
