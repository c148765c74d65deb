import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import bcrypt from 'bcryptjs'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { noteSecret } from '../support/program/secret-canary.ts'
import { basicLogin } from '../support/requests/basic-login.ts'
import type { Reply } from './connection.ts'
import { RegistryUnderTest } from './registry-under-test.ts'

/** Failures of one address that are free: they cost their check only. */
const FREE_FAILURES = 100
/** Guesses at once: the server checks two and lets 32 wait. */
const AT_ONCE = 20
/** Longest time until a changed htpasswd file counts, in ms: it is checked each second, and left a second to settle. */
const HTPASSWD_MS = 60_000

describe('log-ins', () => {
  test('guesses at many names from one address are held up, and nobody else is', async () => {
    await using registry = await RegistryUnderTest.start({ 'trusted-proxies': '127.0.0.1' })
    const from = (address: string, authorization: string): Promise<Reply> =>
      registry.send(undefined, 'GET', '/v2/', { headers: { authorization, 'x-forwarded-for': address } })
    const guess = (at: number): Promise<Reply> => {
      const [name, password] = [`guessed${at}`, `a wrong password ${at}`]
      const body = String(new URLSearchParams({ grant_type: 'password', username: name, password }))
      // Half of them by each of the two ways in: they are counted together. The client's own headers do not count.
      return at % 2 === 0
        ? from(`192.0.2.${at}, 203.0.113.7`, basicLogin(name, password))
        : registry.send(undefined, 'POST', '/token', { body, headers: { 'x-forwarded-for': '203.0.113.7' } })
    }
    for (let at = 0; at < FREE_FAILURES; at += AT_ONCE) {
      const replies = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => guess(at + i)))
      for (const reply of replies) assert.equal(reply.status, 401, reply.text)
    }
    // One failure is forgotten every six seconds, and the checks took some.
    const more = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => guess(FREE_FAILURES + i)))
    const held = more.find(({ status }) => status === 429) ?? assert.fail('no guess was held up')
    assert.deepEqual([held.code, Number(held.headers['retry-after']) > 0], ['TOOMANYREQUESTS', true])
    assert.equal((await from('203.0.113.7', registry.basic('alice'))).status, 429)
    assert.equal((await from('203.0.113.8', registry.basic('alice'))).status, 200)
    // A password that was right a moment ago is not held up by others behind the same address.
    assert.equal((await from('203.0.113.7', registry.basic('alice'))).status, 200)
  })

  test('a proxy on the same machine that does TLS sends clients to log in over TLS', async () => {
    await using registry = await RegistryUnderTest.start()
    const headers = { host: 'registry.example.com', 'x-forwarded-proto': 'https' }
    const reply = await registry.send(undefined, 'GET', '/v2/', { headers })
    assert.match(String(reply.headers['www-authenticate']), /realm="https:\/\/registry\.example\.com\/token"/)
  })

  test('an htpasswd file counts as it changes: a new password, a new user, a user who is gone', async () => {
    await using folder = await makeTempFolder('htpasswd')
    const file = join(folder.path, 'users')
    const line = (name: string, password: string): string => `${name}:${bcrypt.hashSync(password, 4)}\n`
    const passwords = ['the first password', 'the second password']
    for (const password of passwords) noteSecret(password)
    const [first = '', second = ''] = passwords
    await writeFile(file, line('carol', first))
    await using registry = await RegistryUnderTest.start({ 'htpasswd-file': file })
    const login = async (name: string, password: string): Promise<number> => {
      const authorization = registry.basic(name, password)
      return (await registry.send(undefined, 'GET', '/v2/', { headers: { authorization } })).status
    }
    const becomes = async (status: number, name: string, password: string): Promise<void> => {
      const deadline = Date.now() + HTPASSWD_MS
      while ((await login(name, password)) !== status) {
        assert.ok(Date.now() < deadline, `${name} is not answered with ${status}`)
        await sleep(100)
      }
    }
    assert.equal(await login('carol', first), 200)
    assert.equal(await login('dave', first), 401)
    const grant = await registry.send(undefined, 'GET', '/token?service=x&offline_token=true', {
      headers: { authorization: registry.basic('carol', first) },
    })
    const refresh = `grant_type=refresh_token&service=x&refresh_token=${grant.json.refresh_token}`
    const bearer = { headers: { authorization: `Bearer ${grant.json.token}` } }
    const status = async (method: string, path: string, options: object): Promise<number> =>
      (await registry.send(undefined, method, path, options)).status
    assert.equal(await status('GET', '/v2/', bearer), 200)
    assert.equal(await status('POST', '/token', { body: refresh }), 200)

    await writeFile(file, line('carol', second))
    await becomes(401, 'carol', first)
    assert.equal(await login('carol', second), 200)
    assert.equal(await status('GET', '/v2/', bearer), 401)
    assert.equal(await status('POST', '/token', { body: refresh }), 401)

    await writeFile(file, line('dave', first))
    await becomes(401, 'carol', second)
    assert.equal(await login('dave', first), 200)
    // Accounts of a file neither administer nor own another's repositories, whatever their names.
    await writeFile(file, line('alice', first) + line('bob/app', first) + line('admin', first))
    await becomes(401, 'dave', first)
    for (const name of ['alice', 'admin']) assert.equal(await login(name, first), 401)
    const slash = { headers: { authorization: registry.basic('bob/app', first) } }
    assert.equal(await status('GET', '/v2/bob/app/tags/list', slash), 403)
  })
})
