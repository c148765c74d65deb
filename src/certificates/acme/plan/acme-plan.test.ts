import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { wishFor } from '../../../../test/support/acme/acme-room.ts'
import { planWish } from './acme-plan.ts'
import type { AcmePlan } from './acme-wish.ts'
import { classifyName, type NameKind, nameSetId } from './certificate-names.ts'

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory'
const STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory'
const DEFAULTS = { directory: LETS_ENCRYPT }

function requirePlan(planned: ReturnType<typeof planWish>): AcmePlan {
  assert.equal(planned.kind, 'order')
  return planned.plan
}

describe('`classifyName()`', () => {
  const rows: readonly [string, NameKind][] = [
    ['app.example.com', 'public'],
    ['*.example.com', 'public'],
    ['xn--mnchen-3ya.example', 'local'],
    ['xn--mnchen-3ya.de', 'public'],
    ['_dmarc.example.com', 'public'],
    ['localhost', 'local'],
    ['printer', 'local'],
    ['nas.local', 'local'],
    ['git.internal', 'local'],
    ['router.home.arpa', 'local'],
    ['192.168.1.10', 'local'],
    ['100.100.1.1', 'local'],
    ['fd00::1', 'local'],
    ['::1', 'local'],
    ['192.0.2.1', 'address'],
    ['2001:db8::1', 'address'],
    ['', 'invalid'],
    ['a..example.com', 'invalid'],
    ['-a.example.com', 'invalid'],
    ['a.*.example.com', 'invalid'],
    ['~^app', 'invalid'],
    ['app.*', 'invalid'],
    ['../../etc/passwd', 'invalid'],
    [`${'a'.repeat(64)}.example.com`, 'invalid'],
    [`${'a.'.repeat(126)}de`, 'invalid'],
  ]
  for (const [name, kind] of rows)
    test(`finds ${JSON.stringify(name.slice(0, 40))} ${kind}`, () => assert.equal(classifyName(name), kind))
})

describe('`nameSetId()`', () => {
  test('is the same whatever the order, another for other names, and fit for a file', () => {
    assert.equal(
      nameSetId(['b.example.com', 'a.example.com']),
      nameSetId(['a.example.com', 'b.example.com', 'a.example.com']),
    )
    assert.notEqual(nameSetId(['a.example.com']), nameSetId(['a.example.com', 'b.example.com']))
    assert.match(nameSetId(['*.example.com', '2001:db8::1']), /^[a-z0-9.-]{1,80}$/)
    assert.match(nameSetId([`${'a'.repeat(60)}.${'b'.repeat(60)}.com`]), /^[a-z0-9.-]{1,80}$/)
  })
})

describe('`planWish()`', () => {
  test('leaves out names no public CA signs, and says so', () => {
    const planned = planWish(wishFor(['app.example.com', 'app.local']), DEFAULTS)
    assert.deepEqual(requirePlan(planned).names, ['app.example.com'])
    assert.match(planned.kind === 'order' ? (planned.findings[0]?.message ?? '') : '', /is a local name/)
  })

  test('asks nobody for names whose pair would count for other hosts', () => {
    const own = { directory: 'https://ca.internal/dir' }
    for (const name of ['default', 'DEFAULT', 'ca', '*.ca', '*.default']) {
      const planned = planWish(wishFor([name, 'nas.local']), own)
      assert.deepEqual(requirePlan(planned).names, ['nas.local'])
      assert.match(
        planned.kind === 'order' ? (planned.findings[0]?.message ?? '') : '',
        /counts for other hosts/,
      )
      const alone = planWish(wishFor([name]), own)
      const [error] =
        alone.kind === 'order' ? alone.findings.filter(({ severity }) => severity === 'error') : []
      assert.ok(error, `${name} is refused`)
    }
    assert.deepEqual(requirePlan(planWish(wishFor(['example.ca', 'default.local']), own)).names, [
      'example.ca',
      'default.local',
    ])
  })

  test("asks a CA of one's own for local names", () => {
    for (const defaults of [
      { directory: 'https://ca.example.com/dir', directoryCaFile: '/ca.pem' },
      { directory: 'https://ca.internal/dir' },
      { directory: 'https://10.0.0.5:9000/dir' },
    ])
      assert.deepEqual(requirePlan(planWish(wishFor(['nas.local']), defaults)).names, ['nas.local'])
  })

  test("finds the staging directory of Let's Encrypt, for tests and for retries", () => {
    assert.equal(requirePlan(planWish(wishFor(['a.example.com']), DEFAULTS)).stagingDirectory, STAGING)
    const test = requirePlan(planWish(wishFor(['a.example.com'], { isTest: true }), DEFAULTS))
    assert.deepEqual([test.directory, test.stagingDirectory], [STAGING, undefined])
  })

  test('does not give the key or the profile of one CA to another', () => {
    const eab = { keyId: 'id', hmacKey: 'secret' }
    const other = wishFor(['a.example.com'], { directory: 'https://other.example.com/dir' })
    const { eab: none, profile } = requirePlan(planWish(other, { ...DEFAULTS, eab, profile: 'shortlived' }))
    assert.deepEqual([none, profile], [undefined, undefined])
    assert.deepEqual(requirePlan(planWish(wishFor(['a.example.com']), { ...DEFAULTS, eab })).eab, eab)
  })

  test('warns where a test would go to the real directory', () => {
    const tested = (directory: string): unknown => {
      const planned = planWish(wishFor(['a.example.com'], { isTest: true, directory }), DEFAULTS)
      return planned.kind === 'order' ? planned.findings.map(({ message }) => message) : []
    }
    assert.match(String(tested('https://other.example.com/dir')), /no staging side of it is known/)
    assert.deepEqual(tested(LETS_ENCRYPT), [])
    assert.deepEqual(tested(STAGING), [])
    const own = { directory: 'https://ca.example.com/', stagingDirectory: 'https://test.example.com/' }
    const planned = planWish(wishFor(['a.example.com'], { isTest: true }), own)
    assert.deepEqual(planned.kind === 'order' && planned.findings, [])
    assert.equal(requirePlan(planned).directory, own.stagingDirectory)
  })

  const refused = [
    { hosts: ['*.example.com'], more: {}, message: /wildcard is proved by dns-01 only, which is not set up/ },
    { hosts: ['*.example.com'], more: { challenge: 'http-01' }, message: /and http-01 is requested/ },
    {
      hosts: ['a.example.com'],
      more: { challenge: 'dns-01' },
      message: /dns-01 is requested, but not set up/,
    },
    {
      hosts: ['~^app-\\d+\\.example\\.com$', 'app.*'],
      more: {},
      message: /none of the names can stand in a certificate/,
    },
    { hosts: ['8.8.8.8'], more: {}, message: /under a short-lived profile only/ },
    {
      hosts: Array.from({ length: 101 }, (_, index) => `${index}.example.com`),
      more: {},
      message: /101 names are too many/,
    },
  ] as const
  for (const { hosts, more, message } of refused)
    test(`refuses ${hosts[0]} ${JSON.stringify(more)}`, () => {
      const planned = planWish(wishFor(hosts, more), DEFAULTS)
      const findings = planned.kind === 'order' ? planned.findings : []
      const finding = findings.find(({ severity }) => severity === 'error')
      assert.equal(finding?.severity, 'error')
      assert.match(finding?.message ?? '', message)
    })
})
