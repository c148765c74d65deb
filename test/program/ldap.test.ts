import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { formatGroup, formatPerson, startSlapd } from '../parts/start-slapd.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator, BerthProcess, type BerthSite } from '../support/program/berth-process.ts'
import { runCli } from '../support/program/run-cli.ts'
import { RawClient } from '../support/requests/raw-request.ts'

const PASSWORD = 'correct horse battery'

function basic(name: string, password: string): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

describe('log-ins by an LDAP directory', { skip: skipReason('slapd', 'ldapadd'), timeout: 120_000 }, () => {
  for (const workers of [1, 2])
    it(`let persons in, with ${workers} process(es), and survive a directory that is away`, async () => {
      await using slapd = await startSlapd()
      await slapd.add(
        formatPerson('alice', PASSWORD) +
          formatPerson('bob', PASSWORD) +
          formatGroup('berth-admins', ['bob']) +
          formatGroup('Builders of Bonn', ['alice']),
      )
      await using folder = await makeTempFolder('ldap')
      const site: BerthSite = {
        dataDir: `${folder.path}/data`,
        port: await findFreePort(),
        logFile: `${folder.path}/berth.log`,
        flags: [
          ...['--workers', String(workers), '--ldap-url', slapd.url, '--ldap-ca-file', slapd.caFile],
          ...['--ldap-users', 'ou=people,dc=example,dc=com', '--ldap-groups', 'ou=groups,dc=example,dc=com'],
          ...['--ldap-bind-dn', slapd.searcher.dn, '--ldap-bind-password-file', slapd.searcher.passwordFile],
          ...['--ldap-admins', 'berth-admins'],
        ],
      }
      const administrator = await addAdministrator(site)
      await using berth = await BerthProcess.start(site)
      const ask = (name: string, password: string, repository?: string) =>
        askWith(basic(name, password), repository)
      const askWith = async (headers: { authorization: string }, repository = 'alice/app') => {
        using client = new RawClient(site.port, headers)
        return await client.send('GET', `/token?service=berth&scope=repository:${repository}:pull,push`)
      }
      const rights = async (name: string, repository?: string): Promise<unknown> => {
        const { status, body } = await ask(name, PASSWORD, repository)
        assert.equal(status, 200, String(body))
        const { token } = JSON.parse(String(body)) as { token: string }
        return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).access
      }
      assert.deepEqual(await rights('alice'), [
        { type: 'repository', name: 'alice/app', actions: ['pull', 'push'] },
      ])
      // An administrator by the group.
      assert.deepEqual(await rights('bob'), [
        { type: 'repository', name: 'alice/app', actions: ['pull', 'push'] },
      ])
      for (const [name, password] of [
        ['alice', 'wrong'],
        ['alice', ''],
        ['mallory', PASSWORD],
        ['*', PASSWORD],
      ] as const)
        assert.equal((await ask(name, password)).status, 401, `${name} ${password}`)
      const listed = await runCli(['user', 'list', '--json', '--data', site.dataDir])
      const list = JSON.parse(listed.stdout) as {
        users: { name: string; source: string; isAdmin: boolean }[]
      }
      assert.deepEqual(
        list.users.map(({ name, source, isAdmin }) => [name, source, isAdmin]),
        [
          ['alice', 'directory', false],
          ['bob', 'directory', true],
          ['root', 'database', true],
        ],
      )
      const grant = [
        'access',
        'grant',
        'directory:Builders of Bonn',
        'team/*',
        'pull',
        'push',
        '--data',
        site.dataDir,
      ]
      assert.deepEqual(await rights('alice', 'team/app'), [])
      assert.equal((await runCli(grant)).code, 0)
      assert.deepEqual(await rights('alice', 'team/app'), [
        { type: 'repository', name: 'team/app', actions: ['pull', 'push'] },
      ])
      const explain = ['access', 'explain', 'alice', 'team/app', 'push', '--data', site.dataDir]
      assert.match((await runCli(explain)).stdout, /directory:Builders of Bonn/)
      const doctor = () => runCli(['doctor', '--data', site.dataDir, ...(site.flags ?? [])])
      assert.match((await doctor()).stdout, /The directory localhost:\d+ answers/)
      await slapd.stop()
      assert.match(
        (await doctor()).stdout,
        /Persons of the directory localhost:\d+ cannot log in\. It cannot be reached/,
      )
      // Remembered for a few minutes; others learn that nobody can say.
      assert.equal((await ask('alice', PASSWORD)).status, 200)
      const away = await ask('bob', 'another password')
      assert.deepEqual([away.status, away.headers['retry-after']], [503, '5'])
      assert.match(String(away.body), /directory that checks the password gives no answer/)
      assert.equal((await askWith({ authorization: administrator })).status, 200)
      assert.equal(await berth.stop(), 0)
      const log = await berth.readLog()
      assert.match(log, /"a log-in failed: the directory gave no answer"/)
      assert.equal(log.includes(PASSWORD), false)
    })

  it('refuses settings by half, before anything is made', async () => {
    await using folder = await makeTempFolder('ldap')
    const file = `${folder.path}/password`
    await writeFile(file, PASSWORD)
    const users = ['--ldap-users', 'ou=people,dc=example,dc=com']
    const cases: [string[], RegExp][] = [
      [['--ldap-url', 'ldap://ldap.example.com'], /ldap-url needs ldap-users/],
      [['--ldap-url', 'http://ldap.example.com', ...users], /must be off, or ldap:\/\/ or ldaps:\/\//],
      [
        ['--ldap-url', 'ldap://ldap.example.com', ...users, '--ldap-start-tls', 'false'],
        /passwords would pass the network in clear/,
      ],
      [
        ['--ldap-url', 'ldaps://ldap.example.com', ...users, '--ldap-bind-password-file', file],
        /ldap-bind-dn and ldap-bind-password-file need each other/,
      ],
      [['--ldap-url', 'ldaps://x', ...users, '--ldap-admins', 'a'], /ldap-admins needs ldap-groups/],
      [
        ['--ldap-url', 'ldaps://x', ...users, '--ldap-user-filter', '(a=b)(c=d)'],
        /must be a filter in brackets/,
      ],
    ]
    for (const [flags, message] of cases) {
      const { code, stderr } = await runCli(['serve', '--data', `${folder.path}/data`, ...flags])
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
    }
  })
})
