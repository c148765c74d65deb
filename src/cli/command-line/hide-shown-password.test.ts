import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hideShownPassword, withoutPassword } from './hide-shown-password.ts'
import { repeatPlace } from './own-commands.ts'

test('`hideShownPassword()` leaves no password in the command line, however it is written', () => {
  for (const password of ['canary', 'can@ary', 'can/ary', 'can:ary@@', 'can ary']) {
    const process = {
      title: 'node',
      argv: [
        '/usr/bin/node',
        '/opt/berth/src/main.ts',
        'serve',
        `--database=postgres://berth:${password}@db/facts`,
      ],
      execArgv: ['--disable-sigusr1'],
    }
    hideShownPassword(process)
    assert.equal(
      process.title,
      '/usr/bin/node --disable-sigusr1 /opt/berth/src/main.ts serve --database=postgres://berth:********@db/facts',
    )
  }
})

test('`hideShownPassword()` leaves other command lines alone', () => {
  const process = { title: 'node', argv: ['node', 'main.ts', '--database', 'sqlite'], execArgv: [] }
  hideShownPassword(process)
  assert.equal(process.title, 'node')
})

test('`repeatPlace()` repeats the database without its password', () => {
  assert.equal(withoutPassword('sqlite'), 'sqlite')
  assert.equal(
    repeatPlace('Run "berth user list"', { database: 'postgres://berth:canary@db/facts', data: '/srv' }),
    'Run "berth user list --data /srv --database postgres://berth@db/facts"',
  )
})
