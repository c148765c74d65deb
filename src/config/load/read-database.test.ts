import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PostgresConfig } from '../database.ts'
import { describeConfig } from '../show/describe.ts'
import { recordSettings } from '../sources/recorded.ts'
import { loadConfig } from './load-config.ts'

const URL_WITH_PASSWORD = 'postgres://berth:canary@db.example.com/facts'

function load(env: Record<string, string>, flags: Record<string, unknown> = {}) {
  return loadConfig({ flags, env, cwd: '/srv' })
}

function poolOf(env: Record<string, string>): number {
  return (load({ BERTH_DATABASE: URL_WITH_PASSWORD, ...env }).config.database as PostgresConfig)
    .maxConnections
}

test('the database is the SQLite file unless a URL is given', () => {
  assert.deepEqual(load({}).config.database, { engine: 'sqlite' })
  assert.equal(load({ BERTH_DATABASE: URL_WITH_PASSWORD }).config.database.engine, 'postgres')
})

test('the pools of all workers together leave connections to others', () => {
  assert.equal(poolOf({}), 10)
  assert.equal(poolOf({ BERTH_WORKERS: '4' }), 10)
  for (const workers of [8, 16, 28]) {
    const pool = poolOf({ BERTH_WORKERS: String(workers) })
    assert.ok((workers + 1) * (pool + 1) <= 90, `${workers} workers with ${pool}`)
  }
  assert.equal(poolOf({ BERTH_WORKERS: '64' }), 2)
  assert.equal(poolOf({ BERTH_WORKERS: '8', BERTH_DATABASE_POOL: '30' }), 30)
})

test('the password is shown nowhere: settings, record, errors', () => {
  const loaded = load({ BERTH_DATABASE: URL_WITH_PASSWORD })
  const shown = describeConfig(loaded)
  assert.equal(
    shown.find(({ name }) => name === 'database')?.value,
    'postgres://berth:********@db.example.com:5432/facts?sslmode=verify-full',
  )
  const recorded = recordSettings(loaded, [])
  assert.equal(recorded.database, 'postgres://berth@db.example.com:5432/facts?sslmode=verify-full')
  assert.doesNotMatch(JSON.stringify([shown, recorded, loaded.warnings]), /canary/)
  assert.throws(
    () => load({ BERTH_DATABASE: `${URL_WITH_PASSWORD}?sslmode=canary` }),
    (error: Error) =>
      /^BERTH_DATABASE must have one of disable/.test(error.message) && !/canary/.test(error.message),
  )
})

test('a password in a flag is warned of, and one in two places refused', () => {
  const flags = { database: URL_WITH_PASSWORD }
  assert.match(load({}, flags).warnings.join(), /^the command line holds the password/)
  assert.deepEqual(load({}, { database: 'postgres://berth@localhost/facts' }).warnings, [])
  assert.throws(() => load({ BERTH_DATABASE_PASSWORD_FILE: 'pw' }, flags), { code: 'VALUES_CONFLICT' })
})

test('the file of the password is recorded with its whole path', () => {
  const env = { BERTH_DATABASE: 'postgres://berth@db/facts', BERTH_DATABASE_PASSWORD_FILE: 'secrets/pw' }
  assert.equal(recordSettings(load(env), [])['database-password-file'], '/srv/secrets/pw')
})

test('database-listen is an address of PostgreSQL itself, or off', () => {
  const listen = (value: string) =>
    (
      load({ BERTH_DATABASE: URL_WITH_PASSWORD, BERTH_DATABASE_LISTEN: value }).config
        .database as PostgresConfig
    ).listen
  assert.deepEqual(listen('[::1]:5433'), { host: '::1', port: 5433 })
  assert.equal(listen('off'), 'off')
  for (const wrong of [':5432', 'db', 'db:0', 'unix:/run/pg'])
    assert.throws(() => listen(wrong), { code: 'VALUE_INVALID' })
  const recorded = recordSettings(
    load({ BERTH_DATABASE: URL_WITH_PASSWORD, BERTH_DATABASE_LISTEN: '[::1]:5433' }),
    [],
  )
  assert.equal(recorded['database-listen'], '[::1]:5433')
})
