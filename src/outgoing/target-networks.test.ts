import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTargetGuard } from './target-networks.ts'

const CLOSED = [
  ...['127.0.0.1', '127.8.8.8', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.169.254', '169.254.1.1', '100.64.0.1', '100.100.100.200', '192.0.0.192', '168.63.129.16'],
  ...['198.18.0.1', '203.0.113.5', '224.0.0.1', '255.255.255.255', '240.0.0.1'],
  ...[
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
  ],
  ...['fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1', '2002:7f00:1::', '2001::1', '3fff::1', '4000::1'],
  ...[
    '64:ff9b::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::10.0.0.1',
    '64:ff9b::1',
    '64:ff9b:1::808:808',
    '2606:4700::1%1',
  ],
  ...['', 'localhost', '127.1', '2130706433', '0x7f000001'],
]

test('createTargetGuard() refuses all addresses that are not public, and what is no address', () => {
  const mayReach = createTargetGuard([])
  for (const address of CLOSED) assert.equal(mayReach(address), false, address)
  const open = [
    '8.8.8.8',
    '172.32.0.1',
    '100.63.0.1',
    '::ffff:8.8.8.8',
    '2606:4700::1111',
    '64:ff9b::808:808',
  ]
  for (const address of open) assert.equal(mayReach(address), true, address)
})

test('createTargetGuard() allows listed networks, and services of metadata by their own address only', () => {
  const mayReach = createTargetGuard(['10.20.0.0/16', '169.254.0.0/16', 'fd00::/8', '127.0.0.1/32'])
  for (const address of ['10.20.3.4', '::ffff:10.20.3.4', '169.254.7.7', 'fd12::1', '127.0.0.1'])
    assert.equal(mayReach(address), true, address)
  for (const address of [
    '10.21.0.1',
    '169.254.169.254',
    'fd00:ec2::254',
    '127.0.0.2',
    '::ffff:169.254.169.254',
  ])
    assert.equal(mayReach(address), false, address)
  assert.equal(createTargetGuard(['0.0.0.0/0'])('169.254.169.254'), false)
  assert.equal(createTargetGuard(['169.254.169.254/32'])('169.254.169.254'), true)
  assert.equal(createTargetGuard(['fd00:ec2::254/128'])('fd00:ec2::254'), true)
})
