import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../../test/parts/find-parts.ts'
import { formatGroup, formatPerson, type Slapd, startSlapd } from '../../test/parts/start-slapd.ts'
import { findFreePort } from '../../test/support/machine/free-port.ts'
import { runOk } from '../../test/support/machine/run-command.ts'
import { makeTempFolder } from '../../test/support/machine/temp-folder.ts'
import type { Directory } from '../accounts/directory.ts'
import type { LdapConfig } from '../config/ldap.ts'
import { createLdapDirectory, probeLdap } from './ldap-directory.ts'

const PASSWORD = 'correct horse battery'
const GROUP_FILTER = '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))'

describe('an LDAP directory', { skip: skipReason('slapd', 'ldapadd') }, () => {
  let slapd: Slapd
  let directory: Directory
  const settings = (changed: Partial<LdapConfig> = {}): LdapConfig => ({
    url: slapd.url,
    isStartTls: true,
    caFile: slapd.caFile,
    bindDn: slapd.searcher.dn,
    bindPasswordFile: slapd.searcher.passwordFile,
    userBase: 'ou=people,dc=example,dc=com',
    userFilter: '(objectClass=person)',
    nameAttribute: 'uid',
    groupBase: 'ou=groups,dc=example,dc=com',
    groupFilter: GROUP_FILTER,
    groupNameAttribute: 'cn',
    adminGroup: undefined,
    ...changed,
  })
  before(async () => {
    slapd = await startSlapd()
    await slapd.add(
      ['alice', 'bob', 'a(b*c\\d', 'Carol'].map((uid) => formatPerson(uid, PASSWORD)).join('') +
        formatGroup('builders', ['alice', 'bob']) +
        formatGroup('auditors', ['alice']) +
        'dn: cn=posix,ou=groups,dc=example,dc=com\nobjectClass: posixGroup\ncn: posix\ngidNumber: 7\nmemberUid: alice\n\n' +
        'dn: cn=unique,ou=groups,dc=example,dc=com\nobjectClass: groupOfUniqueNames\ncn: unique\nuniqueMember: uid=alice,ou=people,dc=example,dc=com\n\n',
    )
    directory = createLdapDirectory(settings())
  })
  after(() => slapd[Symbol.asyncDispose]())

  it('knows a person by name and password, with all groups', async () => {
    const person = await directory.verify('alice', PASSWORD)
    assert.deepEqual([person?.name, person?.groups], ['alice', ['auditors', 'builders', 'posix', 'unique']])
    assert.match(person?.id ?? '', /^entryUUID:[0-9a-f-]{36}$/)
    assert.deepEqual(await directory.find('alice'), person)
    assert.deepEqual((await directory.verify('bob', PASSWORD))?.groups, ['builders'])
  })

  it('refuses wrong and empty passwords, and unknown names', async () => {
    for (const [name, password] of [
      ['alice', 'wrong'],
      // Servers take a bind without a password for one without a log-in, and say that it succeeded.
      ['alice', ''],
      ['nobody', PASSWORD],
      ['searcher', PASSWORD],
    ] as const)
      assert.equal(await directory.verify(name, password), undefined, `${name} ${password}`)
    assert.equal(await directory.find('nobody'), undefined)
  })

  it('takes nothing in a name for syntax, and no name that is only like one', async () => {
    for (const name of [
      '*',
      'alic*',
      'alice)(uid=*',
      ')(objectClass=*',
      'alice ',
      ' alice',
      'al\0ice',
      'ALICE',
    ])
      assert.equal(await directory.verify(name, PASSWORD), undefined, name)
    assert.equal((await directory.verify('a(b*c\\d', PASSWORD))?.name, 'a(b*c\\d')
    // An account name has small letters only, so there is one for each entry.
    assert.equal((await directory.verify('carol', PASSWORD))?.name, 'carol')
  })

  it('keeps to the filter of persons', async () => {
    const limited = createLdapDirectory(settings({ userFilter: '(&(objectClass=person)(!(uid=bob)))' }))
    assert.equal(await limited.verify('bob', PASSWORD), undefined)
    assert.equal((await limited.verify('alice', PASSWORD))?.name, 'alice')
  })

  it('reads no groups without their place', async () => {
    const person = await createLdapDirectory(settings({ groupBase: undefined })).verify('alice', PASSWORD)
    assert.deepEqual(person?.groups, [])
  })

  it('speaks TLS from the begin where the URL says so', async () => {
    const secure = createLdapDirectory(settings({ url: slapd.tlsUrl, isStartTls: false }))
    assert.equal((await secure.verify('alice', PASSWORD))?.name, 'alice')
    assert.equal(await secure.verify('alice', 'wrong'), undefined)
  })

  it('can be named by its address, which the certificate then has to hold', async () => {
    const [, port] = /:(\d+)$/.exec(slapd.tlsUrl) ?? []
    const byAddress = { url: `ldaps://127.0.0.1:${port}`, isStartTls: false }
    const [, plain] = /:(\d+)$/.exec(slapd.url) ?? []
    for (const changed of [byAddress, { url: `ldap://127.0.0.1:${plain}` }])
      assert.equal((await createLdapDirectory(settings(changed)).verify('alice', PASSWORD))?.name, 'alice')
  })

  it('is searched for groups, too, before it counts as usable', async () => {
    await probeLdap(settings())
    await assert.rejects(probeLdap(settings({ groupBase: 'ou=nope,dc=example,dc=com' })), {
      message: 'It answered with the code 32 (NoSuchObjectError)',
    })
  })

  it('sends no password where the certificate is of another authority or host', async () => {
    const unknown = settings({ caFile: undefined })
    const [, port] = /:(\d+)$/.exec(slapd.url) ?? []
    const otherHost = settings({ url: `ldap://0.0.0.0:${port}` })
    const before = (await slapd.readLog()).length
    for (const each of [unknown, { ...unknown, url: slapd.tlsUrl, isStartTls: false }, otherHost])
      await assert.rejects(createLdapDirectory(each).verify('alice', PASSWORD), { name: 'DirectoryError' })
    assert.doesNotMatch((await slapd.readLog()).slice(before), /BIND dn="(?!")/)
  })

  it('says what is wrong with the searching account', async () => {
    await using folder = await makeTempFolder('ldap')
    const wrong = `${folder.path}/password`
    await writeFile(wrong, 'wrong')
    const [empty, pipe] = [`${folder.path}/empty`, `${folder.path}/pipe`]
    await writeFile(empty, '\n')
    await runOk('mkfifo', [pipe])
    const cases: [Partial<LdapConfig>, RegExp][] = [
      [{ bindPasswordFile: wrong }, /refuses the account by which Berth searches/],
      [{ bindPasswordFile: `${folder.path}/none` }, /password cannot be read/],
      [{ bindPasswordFile: empty }, /password is empty/],
      // A pipe without a writer would hold up each log-in, and the end of the server.
      [{ bindPasswordFile: pipe }, /password cannot be used: it is no regular file/],
      [{ caFile: pipe }, /authorities cannot be used: it is no regular file/],
      [{ caFile: `${folder.path}/none` }, /file of its authorities cannot be read/],
    ]
    for (const [changed, message] of cases)
      await assert.rejects(createLdapDirectory(settings(changed)).verify('alice', PASSWORD), {
        name: 'DirectoryError',
        message,
      })
    // This server lets nobody search without a log-in: its persons are unknown then.
    const open = createLdapDirectory(settings({ bindDn: undefined, bindPasswordFile: undefined }))
    await assert.rejects(open.verify('alice', PASSWORD), { name: 'DirectoryError' })
  })

  it('fails within its time where nothing answers, and tells that from a wrong password', async () => {
    const dead = settings({ url: `ldap://127.0.0.1:${await findFreePort()}` })
    await assert.rejects(createLdapDirectory(dead).verify('alice', PASSWORD), {
      name: 'DirectoryError',
      message: 'It cannot be reached (ECONNREFUSED)',
    })
    const sockets: Socket[] = []
    await using silent = createServer((socket) => void sockets.push(socket))
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    const startMs = performance.now()
    const mute = createLdapDirectory(settings({ url: `ldap://127.0.0.1:${port}` }))
    await assert.rejects(mute.verify('alice', PASSWORD), { name: 'DirectoryError' })
    assert.ok(performance.now() - startMs < 8_000)
    for (const socket of sockets) socket.destroy()
  })
})
