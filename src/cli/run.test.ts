import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, test } from 'node:test'
import { makeDataFolder } from '../../test/support/program/new-data.ts'
import { type CliCall, type CliResult, runCli } from '../../test/support/program/run-cli.ts'
import { databaseFile } from '../app/folders/data-folder.ts'
import { OPTION_LIST } from '../config/options/options.ts'

const PASSWORD = 'correct horse battery'
const folder = mkdtempSync(path.join(tmpdir(), 'berth-cli-'))
after(() => rmSync(folder, { recursive: true }))

let folders = 0

/** Runs commands on a data folder of their own. */
function onNewData() {
  const data = path.join(folder, `data-${++folders}`)
  const made = makeDataFolder(data)
  return async (args: string, call?: CliCall): Promise<CliResult> => {
    await made
    return await runCli([...args.split(' '), '--data', data], call)
  }
}

test('--help names every command and shows examples', async () => {
  const { code, stdout } = await runCli(['--help'])
  assert.equal(code, 0)
  for (const name of ['serve', 'config', 'user', 'repo', 'tag', 'selftest', 'version']) {
    assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
  }
  assert.match(stdout, /^Examples:$/m)
})

test('serve --help names every setting with its default', async () => {
  const { stdout } = await runCli(['serve', '--help'])
  for (const { name, isFileOnly } of OPTION_LIST) {
    if (!isFileOnly) assert.match(stdout, new RegExp(`--${name}\\b`))
  }
  assert.match(stdout, /--token-lifetime <SECONDS> .*\(default: 300\)/)
})

test('without a command, help goes to standard error and counts as wrong usage', async () => {
  for (const args of [[], ['user'], ['repo']]) {
    const { code, stdout, stderr } = await runCli(args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, /^Usage: berth/)
  }
})

const MISUSE: readonly [string, string][] = [
  ['serv', "error[USAGE]: Unknown command 'serv'. Did you mean serve?\n"],
  ['serve --listn-http :80', "error[USAGE]: Unknown option '--listn-http'. Did you mean --listen-http?\n"],
  ['user add', "error[USAGE]: Missing required argument 'name'. Run it with --help to see what it takes.\n"],
  [
    'selftest',
    "error[USAGE]: Required option '--username <name>' not specified. Run it with --help to see what it takes.\n",
  ],
]

for (const [args, message] of MISUSE) {
  test(`"berth ${args}" is wrong usage`, async () => {
    assert.deepEqual(await runCli(args.split(' ')), { code: 2, stdout: '', stderr: message })
  })
}

test('version tells the version, with --json to programs', async () => {
  assert.match((await runCli(['version'])).stdout, /^berth \d+\.\d+\.\d+ \(node 26\./)
  assert.equal(JSON.parse((await runCli(['version', '--json'])).stdout).name, 'berth')
})

test('errors are JSON with --json', async () => {
  const { code, stderr } = await runCli(['--json', 'serv'])
  assert.equal(code, 2)
  assert.deepEqual(JSON.parse(stderr), {
    error: { code: 'USAGE', message: "Unknown command 'serv'", remedy: 'Did you mean serve?' },
  })
})

test('config shows values with their sources and warns of what is ignored', async () => {
  const env = { BERTH_LOG_LEVEL: 'debug', REGISTRY_HTTP_SECRET: 'canary' }
  const { code, stdout, stderr } = await runCli(['config', '--listen-http', ':80'], { env, cwd: '/srv' })
  assert.equal(code, 0)
  assert.match(stdout, /^data +\/srv\/berth-data +default$/m)
  assert.match(stdout, /^listen-http +:80 +--listen-http$/m)
  assert.match(stdout, /^log-level +debug +BERTH_LOG_LEVEL$/m)
  assert.equal(stderr, 'warning: The variable REGISTRY_HTTP_SECRET has no meaning in Berth and is ignored\n')
  const json = JSON.parse((await runCli(['config', '--json'])).stdout)
  assert.deepEqual(json.settings[6], { name: 'listen-http', value: '127.0.0.1:5000', source: 'default' })
})

test('a mistake in the settings ends every command with code 2', async () => {
  const config = path.join(folder, 'typo.yaml')
  writeFileSync(config, 'lissten-http: off\n')
  for (const args of [['config'], ['serve'], ['user', 'list']]) {
    const { code, stderr } = await runCli([...args, '--config', config])
    assert.equal(code, 2)
    assert.match(
      stderr,
      /^error\[OPTION_UNKNOWN\]: typo\.yaml has the key .* Did you mean "listen-http"\?\n$/,
    )
  }
})

test('user add, list, passwd, disable, enable and remove', async () => {
  const berth = onNewData()
  const stdin = `${PASSWORD}\n`
  assert.deepEqual(await berth('user add root --admin --password-stdin', { stdin }), {
    code: 0,
    stdout: 'Administrator root was made\n',
    stderr: '',
  })
  assert.equal((await berth('user add alice --password-stdin', { stdin })).stdout, 'User alice was made\n')
  assert.match(
    (await berth('user list')).stdout,
    /^NAME +ROLE +STATE +SOURCE +CREATED\nalice +user +enabled +database +\S+ \S+\nroot +admin /,
  )
  assert.equal((await berth('user disable alice')).stdout, 'User alice was disabled\n')
  const { users } = JSON.parse((await berth('user list --json')).stdout)
  assert.deepEqual([users[0].name, users[0].isDisabled, users[1].isAdmin], ['alice', true, true])
  assert.equal((await berth('user enable alice')).code, 0)
  assert.equal((await berth('user passwd alice --password-stdin', { stdin: 'another password' })).code, 0)
  assert.equal((await berth('user remove alice --yes')).stdout, 'User alice was removed\n')
  assert.match((await berth('user remove root --yes')).stderr, /^error\[LAST_ADMIN\]: .*NAME --admin/)
})

test('user list shows who logs in by a password file and can push nowhere', async () => {
  const berth = onNewData()
  const file = path.join(folder, 'users.htpasswd')
  const hash = '$2y$05$abcdefghijklmnopqrstuuO2ymE1i1Yl4qCKTMGZFjm4rTt8OKHGK'
  writeFileSync(file, `carol:${hash}\nUPPER:${hash}\n`)
  const { stdout } = await berth('user list', { env: { BERTH_HTPASSWD_FILE: file } })
  assert.match(stdout, /^UPPER +user +enabled, owns no repositories +htpasswd/m)
  assert.match(stdout, /^carol +user +enabled +htpasswd/m)
})

test('user logins lists what clients have stored, and user logout ends one or all', async () => {
  const data = path.join(folder, 'data-of-log-ins')
  await makeDataFolder(data)
  const berth = (args: string): Promise<CliResult> =>
    runCli([...args.split(' '), '--data', data], { stdin: `${PASSWORD}\n` })
  await berth('user add alice --password-stdin')
  {
    using database = new DatabaseSync(databaseFile(data))
    const insert = database.prepare(
      `insert into refresh_tokens (id, hash, user_name, user_version, client_id, created_at, expires_at)
       values (?, ?, 'alice', '1.1', 'docker', ?, ?)`,
    )
    for (const id of ['one', 'two', 'three']) insert.run(id, id, Date.now(), Date.now() + 1e9)
  }
  const { logIns } = JSON.parse((await berth('user logins alice --json')).stdout)
  assert.deepEqual(logIns.map(({ id }: { id: string }) => id).toSorted(), ['one', 'three', 'two'])
  assert.match((await berth('user logout alice none --yes')).stderr, /^error\[LOGIN_UNKNOWN.*logins alice /)
  assert.equal((await berth('user logout alice two --yes')).stdout, 'One log-in of alice was ended\n')
  assert.equal((await berth('user logout alice --yes')).stdout, '2 log-ins of alice were ended\n')
  assert.equal((await berth('user logout alice')).code, 2)
})

const REFUSED_USERS: readonly [string, CliCall, number, string][] = [
  ['user add Alice! --password-stdin', { stdin: PASSWORD }, 2, 'NAME_INVALID'],
  ['user add alice --password-stdin', { stdin: 'short' }, 1, 'PASSWORD_TOO_SHORT'],
  ['user add alice --password-stdin', { stdin: '' }, 2, 'PASSWORD_UNREADABLE'],
  ['user add alice --password-stdin', { stdin: 'two\nlines of text' }, 2, 'PASSWORD_UNREADABLE'],
  ['user add alice --password-stdin', { stdin: 'x'.repeat(5000) }, 2, 'PASSWORD_UNREADABLE'],
  ['user add alice', { stdin: PASSWORD }, 2, 'PASSWORD_MISSING'],
  ['user passwd nobody --password-stdin', { stdin: PASSWORD }, 1, 'UNKNOWN_ACCOUNT'],
  ['user remove nobody', {}, 2, 'CONFIRMATION_MISSING'],
  ['user remove nobody --yes', {}, 1, 'UNKNOWN_ACCOUNT'],
  ['user disable nobody', {}, 1, 'UNKNOWN_ACCOUNT'],
]

for (const [args, call, code, error] of REFUSED_USERS) {
  test(`"berth ${args}" with "${call.stdin?.slice(0, 12) ?? ''}" is refused with ${error}`, async () => {
    const result = await onNewData()(args, call)
    assert.equal(result.code, code)
    assert.equal(result.stdout, '')
    assert.match(result.stderr, new RegExp(`^error\\[${error}\\]: [^\\n]+\\n$`))
  })
}

test('user add asks twice on a terminal', async () => {
  const berth = onNewData()
  const good = await berth('user add alice', { typed: [`${PASSWORD}\r`, `${PASSWORD}\r`] })
  assert.equal(good.code, 0)
  assert.doesNotMatch(good.stdout, /horse/)
  const different = await berth('user add bob', { typed: [`${PASSWORD}\r`, `${PASSWORD}x\r`] })
  assert.match(different.stderr, /^error\[CANCELLED\]: The two passwords differ/)
  const cancelled = await berth('user add bob', { typed: ['\u0003'] })
  assert.equal(cancelled.code, 1)
  assert.equal(JSON.parse((await berth('user list --json')).stdout).users.length, 1)
})

test('user remove asks on a terminal, and no is the default', async () => {
  const berth = onNewData()
  await berth('user add alice --password-stdin', { stdin: PASSWORD })
  assert.match((await berth('user remove alice', { typed: ['\r'] })).stderr, /^error\[CANCELLED\]/)
  assert.equal((await berth('user remove alice', { typed: ['y'] })).code, 0)
})

test('repo and tag commands tell what is not there', async () => {
  const berth = onNewData()
  assert.deepEqual(JSON.parse((await berth('repo list --json')).stdout), { repositories: [] })
  assert.match((await berth('repo show alice/app')).stderr, /^error\[REPOSITORY_UNKNOWN\]/)
  assert.match((await berth('repo delete alice/app --yes')).stderr, /^error\[REPOSITORY_UNKNOWN\]/)
  assert.match((await berth('tag list alice/app')).stderr, /^error\[REPOSITORY_UNKNOWN\]/)
  const unknown = await berth('tag list alice/app --json')
  assert.equal(unknown.stdout, '', 'nothing is printed before the error')
  assert.match((await berth('tag delete alice/app v1 --yes')).stderr, /^error\[REPOSITORY_UNKNOWN\]/)
  assert.equal((await berth('repo show Alice')).code, 2)
  assert.equal((await berth('tag delete alice/app -v1 --yes')).code, 2)
})

test('commands that only look make no folder, and say which server runs elsewhere', async () => {
  const data = path.join(folder, 'nowhere', 'data')
  for (const args of ['user list', 'repo list', 'tag list a/b', 'user passwd a', 'user remove a --yes']) {
    const { code, stdout, stderr } = await runCli([...args.split(' '), '--data', data])
    assert.deepEqual([code, stdout], [1, ''], args)
    assert.match(stderr, /^error\[DATA_NOT_FOUND\]: There is no data of Berth in [^\n]+\n$/)
  }
  assert.equal(existsSync(path.dirname(data)), false)
})

test('a flag of yes or no takes its value, and is yes alone', async () => {
  for (const [words, value] of [
    ['--insecure-http', true],
    ['--insecure-http false', false],
    ['--relative-urls=off', false],
    ['--relative-urls', true],
  ] as const) {
    const { stdout } = await runCli(['config', '--json', ...words.split(' ')])
    const name = /[a-z-]+[a-z]/.exec(words.slice(2))?.[0]
    const found = JSON.parse(stdout).settings.find((setting: { name: string }) => setting.name === name)
    assert.equal(found.value, value, words)
  }
  assert.doesNotMatch((await runCli(['serve', '--help'])).stdout, /preset/)
})

const LOOKS = [
  ...['user list', 'repo list', 'repo show a/b', 'tag list a/b', 'site list', 'site check', 'cert list'],
  ...['cert check', 'cert ca', 'cert renew', 'config', 'version', 'user passwd a --password-stdin'],
  ...['selftest --username a --password-stdin', 'repo delete a/b --yes', 'tag delete a/b v1 --yes'],
  ...['cert self-signed a.test', 'cert self-signed --ca a.test', 'user add a --password-stdin'],
]

test('no command leaves anything in a folder where no data of Berth are', async () => {
  const cwd = mkdtempSync(path.join(folder, 'empty-'))
  for (const args of LOOKS) {
    await runCli(args.split(' '), { cwd, stdin: PASSWORD })
    assert.deepEqual(readdirSync(cwd), [], args)
  }
})

test('user add makes a data folder only with --new', async () => {
  const data = path.join(folder, 'new-data')
  const add = ['user', 'add', 'alice', '--password-stdin', '--data', data]
  const refused = await runCli(add, { stdin: PASSWORD })
  assert.match(refused.stderr, /^error\[DATA_NOT_FOUND\]: .*; or make \/.* with --new\.\n$/)
  assert.equal(existsSync(data), false)
  assert.equal((await runCli([...add, '--new'], { stdin: PASSWORD })).code, 0)
})

test('a data folder that cannot be made is one clear line', async () => {
  const file = path.join(folder, 'file')
  writeFileSync(file, '')
  const { code, stderr } = await runCli(
    ['user', 'add', 'alice', '--new', '--password-stdin', '--data', path.join(file, 'data')],
    { stdin: PASSWORD },
  )
  assert.equal(code, 1)
  assert.match(stderr, /^error\[DATA_NOT_WRITABLE\]: [^\n]+\n$/)
})

test('the commands need nothing of what only a server needs beside its settings', async () => {
  for (const env of [{ BERTH_LISTEN_HTTPS: ':443' }, { BERTH_CERTS: folder }] as const) {
    const { code, stderr } = await onNewData()('user list', { env })
    assert.deepEqual([code, stderr], [0, ''])
  }
})

test('the commands use the htpasswd file of the settings', async () => {
  const htpasswd = path.join(folder, 'htpasswd')
  writeFileSync(htpasswd, 'carol:$2y$05$AAAAAAAAAAAAAAAAAAAAAOyqC0gtzlvnl6xGFkRtBzVkdFLzfE8UG\n')
  const env = { BERTH_HTPASSWD_FILE: htpasswd }
  const { users } = JSON.parse((await onNewData()('user list --json', { env })).stdout)
  assert.deepEqual([users[0]?.name, users[0]?.source], ['carol', 'htpasswd'])
})

for (const words of [[], ['user'], ['repo'], ['tag'], ['site'], ['cert']]) {
  test(`berth ${words.join(' ')} --json prints JSON for a missing command`, async () => {
    const { code, stdout, stderr } = await runCli([...words, '--json'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, 'USAGE')
  })
}
