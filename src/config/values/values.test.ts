import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANY_ADDRESS } from '../listen-address.ts'
import {
  dockerHost,
  flag,
  listenAddress,
  networks,
  origin,
  parseGoDuration,
  privateListenAddress,
  realm,
  wholeNumber,
} from './values.ts'

const ADDRESSES: readonly [string, unknown][] = [
  ['127.0.0.1:5000', { host: '127.0.0.1', port: 5000 }],
  [':443', { host: '*', port: 443 }],
  ['*:80', { host: '*', port: 80 }],
  ['unix:/run/berth.sock', { path: '/run/berth.sock' }],
  ['[::1]:5000', { host: '::1', port: 5000 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['registry.example.com:65535', { host: 'registry.example.com', port: 65535 }],
  ['off', undefined],
]

for (const [text, address] of ADDRESSES) {
  test(`listenAddress reads "${text}"`, () => assert.deepEqual(listenAddress.parse(text), address))
}

for (const text of [
  '',
  '5000',
  '::1:5000',
  '[::1]',
  '[127.0.0.1]:80',
  'a b:80',
  '1.2.3:80',
  ':65536',
  'h:-1',
  'http://h:1',
]) {
  test(`listenAddress refuses "${text}"`, () => assert.equal(listenAddress.safeParse(text).success, false))
}

test('listenAddress takes YAML 1.1 "off", which some tools write as false', () => {
  assert.equal(listenAddress.parse(false), undefined)
})

test('origin drops the trailing slash and refuses paths and user names', () => {
  assert.equal(origin.parse('https://registry.example.com/'), 'https://registry.example.com')
  assert.equal(origin.parse('http://[::1]:5000'), 'http://[::1]:5000')
  for (const text of [
    'registry.example.com',
    'ftp://h',
    'https://h/path',
    'https://u:p@h',
    'https://h?q=1',
  ]) {
    assert.equal(origin.safeParse(text).success, false, text)
  }
})

test('networks reads lists and single addresses', () => {
  assert.deepEqual(networks.parse('10.0.0.0/8, ::1'), ['10.0.0.0/8', '::1/128'])
  assert.deepEqual(networks.parse(['127.0.0.1']), ['127.0.0.1/32'])
  assert.deepEqual(networks.parse(''), [])
  for (const text of [
    '10.0.0.0/33',
    '10.0.0/8',
    'host',
    '::/129',
    '1.2.3.4/',
    'fe80::1%eth0',
    '1.1.1.1/8/8',
  ]) {
    assert.equal(networks.safeParse(text).success, false, text)
  }
  assert.equal(networks.safeParse(Array.from({ length: 257 }, () => '10.0.0.1')).success, false)
})

test('flag reads words and refuses others', () => {
  assert.equal(flag.parse('true'), true)
  assert.equal(flag.parse('off'), false)
  assert.equal(flag.parse(false), false)
  assert.equal(flag.parse('1'), true)
  assert.equal(flag.safeParse('maybe').success, false)
})

test('wholeNumber() keeps to its bounds', () => {
  const seconds = wholeNumber(60, 3600)
  assert.equal(seconds.parse('60'), 60)
  assert.equal(seconds.parse(3600), 3600)
  for (const value of ['59', 3601, '1e3', '60.5', 60.5, '', true, Number.NaN]) {
    assert.equal(seconds.safeParse(value).success, false, String(value))
  }
})

test('realm refuses what would end the quotes of a header', () => {
  assert.equal(realm.parse('Our registry'), 'Our registry')
  for (const text of ['a"b', 'a\\b', 'a\r\nb', '', 'ü']) assert.equal(realm.safeParse(text).success, false)
})

test('parseGoDuration() reads sums of units', () => {
  assert.equal(parseGoDuration('168h'), 604800)
  assert.equal(parseGoDuration('1m30s'), 90)
  assert.equal(parseGoDuration('1.5h'), 5400)
  assert.equal(parseGoDuration('500ms'), 0.5)
  assert.equal(parseGoDuration(0), 0)
  for (const value of ['', '10', 10, '10 s', '-1h', '1d']) assert.equal(parseGoDuration(value), undefined)
})

test('dockerHost takes addresses of engines, and none with a password, which would stand in messages and files', () => {
  for (const text of [
    'auto',
    'unix:///run/docker.sock',
    'unix:///run/a@b.sock',
    'tcp://proxy:2375',
    'tcp://[::1]:2375',
  ]) {
    assert.equal(dockerHost.parse(text), text)
  }
  for (const text of [
    'tcp://user:secret@proxy:2375',
    'https://secret@proxy',
    'tcp://',
    'proxy:2375',
    'unix:run',
  ]) {
    assert.throws(() => dockerHost.parse(text), text)
  }
})

test('`privateListenAddress` is this machine alone for a port alone', () => {
  const read = (value: unknown) => privateListenAddress.safeParse(value).data
  assert.deepEqual(read(9095), { host: '127.0.0.1', port: 9095 })
  assert.deepEqual(read('9095'), { host: '127.0.0.1', port: 9095 })
  assert.deepEqual(read(':9095'), { host: ANY_ADDRESS, port: 9095 })
  assert.equal(privateListenAddress.safeParse(99_999).success, false)
  assert.equal(read('off'), undefined)
})
