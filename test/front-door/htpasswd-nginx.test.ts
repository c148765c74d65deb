import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createHtpasswdChecker } from '../../src/accounts/log-in/htpasswd-checker.ts'
import type { PasswordChecker, PasswordVerdict } from '../../src/front-door/sites/ports.ts'
import { part, skipReason } from '../parts/find-parts.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { basicLogin } from '../support/requests/basic-login.ts'

const LONG = 'longer than eight'
/** One account of each form that both know. */
const LINES: readonly (readonly [name: string, hash: string, password: string])[] = [
  ['des', 'abJnggxhB/yWI', 'password'],
  ['des-long', './yPRzyX/WeSM', LONG],
  ['md5', '$1$saltstri$YMyguxXMBpd2TEZ.vS/3q1', 'Hello world!'],
  ['md5-empty-salt', '$1$$ObZkFeusGD7Pq0bDVWvPA/', 'empty salt'],
  ['apr1', '$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0', 'password'],
  ['sha256', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5', 'Hello world!'],
  [
    'sha256-rounds',
    '$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5',
    'This is just a test',
  ],
  [
    'sha512',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    'Hello world!',
  ],
  ['bcrypt-y', '$2y$04$abcdefghijklmnopqrstuuyx2n0Zzopyr9QuYTMCfOJJOj526QVoC', 'pässwörd'],
  ['bcrypt-b', '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i', 'x'.repeat(80)],
  ['sha', '{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', 'password'],
  ['ssha', '{SSHA}BISytF924CQwUjiaQ5YN5OjNbK9zYWx0', 'pässwördsalt'.slice(0, -4)],
  ['plain', '{PLAIN}in clear ', 'in clear '],
]

/** Text around the accounts: skipped or cut off, doubled, or with an odd end. */
const TEXT = [
  '# comment:{PLAIN}comment',
  '',
  '\r',
  'no colon',
  ...LINES.map(([name, hash]) => `${name}:${hash}`),
  'comment:{PLAIN}kept:{PLAIN}not',
  'cr:{PLAIN}kept\r',
  'twice:{PLAIN}first',
  'twice:{PLAIN}second',
  ' blank:{PLAIN}kept',
  'Ünal Ö:{PLAIN}kept',
  'last:{PLAIN}without a line break',
].join('\n')

const ATTEMPTS: readonly (readonly [name: string, password: string])[] = [
  ...LINES.flatMap(([name, , password]): [string, string][] => [
    [name, password],
    [name, `x${password}`],
    [name, password.slice(0, -1)],
    [name, `${password}x`],
    [name, password.toUpperCase()],
  ]),
  ['comment', 'kept'],
  ['comment', 'kept:{PLAIN}not'],
  ['comment', 'not'],
  ['# comment', 'comment'],
  ['cr', 'kept'],
  ['cr', 'kept\r'],
  ['twice', 'first'],
  ['twice', 'second'],
  ['blank', 'kept'],
  [' blank', 'kept'],
  ['Ünal Ö', 'kept'],
  ['last', 'without a line break'],
  ['no colon', 'x'],
  ['nobody', 'x'],
  ['DES', 'password'],
  ['', 'x'],
]

const STATUS_OF: Readonly<Record<PasswordVerdict['kind'], number>> = {
  right: 200,
  wrong: 401,
  'no-file': 403,
  unreadable: 500,
  busy: 429,
}

function formatConfig(folder: string, port: number): string {
  const location = (path: string): string =>
    `location /${path} { auth_basic "x"; auth_basic_user_file ${folder}/${path}; root ${folder}/www; }`
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; ${['users', 'missing', 'folder'].map(location).join('\n')} }
}
`
}

async function setUp() {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('htpasswd'))
  const path = (name: string): string => join(folder.path, name)
  await mkdir(path('www'))
  await mkdir(path('folder'))
  await writeFile(path('users'), TEXT)
  for (const name of ['users', 'missing', 'folder']) await writeFile(join(path('www'), name), 'ok')
  const port = await findFreePort()
  await writeFile(path('nginx.conf'), formatConfig(folder.path, port))
  const url = `http://127.0.0.1:${port}`
  const nginx = await startProcess(part('nginx'), {
    args: ['-p', folder.path, '-c', path('nginx.conf'), '-e', path('error.log')],
    logFile: path('output.log'),
    isReady: async () => (await fetch(`${url}/users`)).status === 401,
  })
  resources.defer(async () => {
    await nginx.stop()
  })
  const checker: PasswordChecker = resources.use(createHtpasswdChecker({ weakHashes: true }))
  const kept = resources.move()
  return {
    /** Statuses of nginx and of Berth. */
    statuses: async (file: string, name: string, password: string): Promise<[number, number]> => {
      const authorization = basicLogin(name, password)
      const response = await fetch(`${url}/${file}`, { headers: { authorization } })
      await response.arrayBuffer()
      const { kind } = await checker.check(path(file), name, password, '127.0.0.1')
      return [response.status, STATUS_OF[kind]]
    },
    rewrite: (text: string) => writeFile(path('users'), text),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

describe('htpasswd files as nginx reads them', { skip: skipReason('nginx') }, () => {
  test('nginx and Berth let in the same people', async () => {
    await using t = await setUp()
    const allowed = new Set<string>()
    for (const [name, password] of ATTEMPTS) {
      const [nginx, berth] = await t.statuses('users', name, password)
      assert.equal(berth, nginx, JSON.stringify([name, password]))
      if (nginx === 200) allowed.add(name)
    }
    for (const [name] of LINES) assert.ok(allowed.has(name), name)
  })

  test('nginx and Berth answer alike for a file that is not there, or is a folder', async () => {
    await using t = await setUp()
    assert.deepEqual(await t.statuses('missing', 'des', 'password'), [403, 403])
    assert.deepEqual(await t.statuses('folder', 'des', 'password'), [500, 500])
  })

  test('Berth understands a file with an n for each line break, with which nginx lets nobody in', async () => {
    await using t = await setUp()
    const glued = LINES.filter(([name]) => !/^ssha|^plain/.test(name))
    await t.rewrite(glued.map(([name, hash]) => `${name}:${hash}n`).join(''))
    for (const [name, , password] of glued) {
      assert.deepEqual(await t.statuses('users', name, password), [401, 200], name)
    }
  })
})
