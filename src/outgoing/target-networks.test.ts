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

test('createTargetGuard() judges an IPv4 address inside an IPv6 one, too, where networks of IPv6 are listed', () => {
  const mayReach = createTargetGuard(['::/0', '10.20.0.0/16'])
  const services = ['64:ff9b::a9fe:a9fe', '64:ff9b::169.254.169.254', '64:ff9b:0:0:0:0:6464:64c8']
  services.push('2002:a9fe:a9fe::', '2002:a9fe:a9fe:0:1::2', '2002:A83F:8110::1', '::ffff:a9fe:a9fe')
  services.push('::a9fe:a9fe', '::ffff:0:a9fe:a9fe', '2001:db8:64::a9fe:aa02')
  // NAT64 with local prefixes of 96, 48, 56 and 64 bits.
  services.push('64:ff9b:1::a9fe:a9fe', '64:ff9b:1:a9fe:a9:fe00::', '64:ff9b:1:a9:fe:a9fe::')
  services.push('64:ff9b:1:0:a9:fea9:fe00:0')
  // Teredo: the server, and the client with inverted bits.
  services.push('2001:0:a9fe:a9fe::f7f7:f7f7', '2001:0:808:808:0:0:5601:5601')
  const closed = ['64:ff9b::7f00:1', '64:ff9b::a00:1', '2002:7f00:1::', '2002:c0a8:101::', '::ffff:127.0.0.1']
  closed.push('::127.0.0.1', '64:ff9b:1::a00:1', '2001:0:808:808:0:0:80ff:fffe')
  for (const address of [...services, ...closed]) {
    assert.equal(mayReach(address), false, address)
    assert.equal(createTargetGuard([])(address), false, address)
    assert.equal(createTargetGuard([address])(address), true, `${address} listed itself`)
  }
  const open = ['64:ff9b::808:808', '64:ff9b::a14:1', '2002:808:808::1', '2002:a14:1::', '64:ff9b:1::808:808']
  open.push('2001:0:808:808:0:0:f7f7:f7f7', '::1', 'fd12::1', '2606:4700::1111')
  for (const address of open) assert.equal(mayReach(address), true, address)
  assert.equal(mayReach('127.0.0.1'), false, 'a network of IPv6 has no IPv4 addresses')
  assert.equal(createTargetGuard(['::ffff:10.0.0.0/104'])('10.1.2.3'), true)
  for (const network of ['64:ff9b::/96', '2002::/16', '169.254.169.254'])
    for (const address of ['64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::'])
      assert.equal(createTargetGuard([network])(address), false, `${address} by ${network}`)
})
