import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDatabase, MASK } from '../database.ts'
import { readDatabaseUrl } from './database-url.ts'

const REMOTE = {
  engine: 'postgres',
  host: 'db.example.com',
  port: 5432,
  user: 'berth',
  name: 'facts',
} as const

const TAKEN = [
  [
    'postgres://berth:pw@db.example.com/facts',
    { ...REMOTE, password: 'pw', tls: 'verify-full', rootCertFile: undefined },
  ],
  [
    'postgresql://berth@db.example.com:6432/facts?sslmode=require',
    { ...REMOTE, port: 6432, password: undefined, tls: 'require', rootCertFile: undefined },
  ],
  [
    'postgres://berth@db.example.com/facts?sslmode=verify-ca&sslrootcert=/etc/berth/db.pem',
    { ...REMOTE, password: undefined, tls: 'verify-ca', rootCertFile: '/etc/berth/db.pem' },
  ],
  [
    'postgres://berth@db.example.com/facts?sslrootcert=system',
    { ...REMOTE, password: undefined, tls: 'verify-full', rootCertFile: undefined },
  ],
  [
    'postgres://a%40b:p%2Fw%3F%25@127.0.0.1/facts',
    {
      ...REMOTE,
      host: '127.0.0.1',
      user: 'a@b',
      password: 'p/w?%',
      tls: 'disable',
      rootCertFile: undefined,
    },
  ],
  [
    'postgres://berth:pw@[::1]:5433/facts',
    { ...REMOTE, host: '::1', port: 5433, password: 'pw', tls: 'disable', rootCertFile: undefined },
  ],
  [
    'postgres://berth@db.example.com/a%2Fb%20%C3%BC',
    { ...REMOTE, name: 'a/b ü', password: undefined, tls: 'verify-full', rootCertFile: undefined },
  ],
  [
    'postgres://berth@%2Fvar%2Frun%2Fpostgresql/facts',
    { ...REMOTE, host: '/var/run/postgresql', password: undefined, tls: 'disable', rootCertFile: undefined },
  ],
] as const

for (const [text, address] of TAKEN)
  test(`readDatabaseUrl() takes ${text}`, () => {
    const read = readDatabaseUrl(text)
    assert.deepEqual(read, address)
    // The formatted URL, with its password, parses to the same address.
    assert.deepEqual(
      readDatabaseUrl(formatDatabase(address, encodeURIComponent(address.password ?? ''))),
      address,
    )
  })

const REFUSED = [
  ['mysql://berth:canary@db/facts', /must be sqlite or a postgres:\/\/ URL/],
  ['postgres://berth:can#ary@db/facts', /%23/],
  ['postgres://berth:can/ary@db/facts', /%2F|must name/],
  ['postgres://berth:can?ary@db/facts', /%3F/],
  ['postgres://berth:canary%@db/facts', /%25/],
  ['postgres://berth:canary@/facts', /host|is no URL/],
  ['postgres:///facts', /must name a host/],
  ['postgres://db.example.com/facts', /must name a user/],
  ['postgres://berth:canary@one,two/facts', /one host/],
  ['postgres://berth:canary@db', /must name one database/],
  ['postgres://berth:canary@db/a/b', /must name one database/],
  ['postgres://berth:canary@db:99999/facts', /port from 1 to 65535/],
  ['postgres://berth:99999/canary@db/facts', /%2F/],
  ['postgres://berth:canary@db:0/facts', /port/],
  ['postgres://berth:canary@db/facts?sslmode=prefer', /disable, require, verify-ca, verify-full/],
  ['postgres://berth:canary@db/facts?sslmod=require', /did you mean sslmode\?/],
  ['postgres://berth:canary@db/facts?canary=1', /known are sslmode and sslrootcert/],
  ['postgres://berth:canary@db/facts?sslmode=require&sslmode=disable', /once only/],
  ['postgres://berth:canary@db/facts?sslrootcert=canary.pem', /absolute path/],
  ['postgres://berth:canary@db/facts?sslmode=require&sslrootcert=/c.pem', /verify-ca or verify-full/],
  [`postgres://berth:${'canary'.repeat(400)}@db/facts`, /at most 2048/],
] as const

for (const [text, reason] of REFUSED)
  test(`readDatabaseUrl() refuses ${text.slice(0, 80)}`, () => {
    const read = readDatabaseUrl(text)
    assert.equal(typeof read, 'string')
    assert.match(String(read), reason)
    assert.doesNotMatch(String(read), /canary/)
  })

test('formatDatabase() masks a password or leaves it out', () => {
  const read = readDatabaseUrl('postgres://berth:canary@db/facts')
  assert.ok(typeof read !== 'string')
  assert.equal(formatDatabase(read, MASK), 'postgres://berth:********@db:5432/facts?sslmode=verify-full')
  assert.equal(formatDatabase(read, undefined), 'postgres://berth@db:5432/facts?sslmode=verify-full')
  assert.equal(formatDatabase({ engine: 'sqlite' }, MASK), 'sqlite')
})
