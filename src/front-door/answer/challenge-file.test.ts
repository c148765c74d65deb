import assert from 'node:assert/strict'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { requestDoor } from '../../../test/support/door/request-door.ts'
import { makeTable, openTestDoor } from '../../../test/support/door/test-door.ts'
import { makeTempFolder } from '../../../test/support/machine/temp-folder.ts'

const PATH = '/.well-known/acme-challenge/'

test('what certbot puts into its folder is answered for every host; anything else goes its way', async () => {
  await using temp = await makeTempFolder('challenges')
  const folder = join(temp.path, 'acme-challenge')
  const sites = makeTable(
    { host: 'a.test', httpsMethod: 'noredirect' },
    { host: 'closed.test', httpsMethod: 'nohttp' },
  )
  await using door = await openTestDoor(sites, {
    challengeFolder: folder,
    challenges: {
      httpAnswer: (token) => (token === 'ours' ? 'ours.key' : undefined),
      alpnContext: () => undefined,
    },
  })
  const requestToken = async (host: string, token: string): Promise<readonly [number, string]> => {
    const reply = await requestDoor(door, `http://${host}${PATH}${token}`)
    assert.ok(typeof reply !== 'string')
    return [reply.status, reply.status === 200 ? reply.text : '']
  }
  const isSite = async (token: string): Promise<boolean> =>
    (await requestToken('a.test', token))[1].includes('"site":"a.test"')

  // The folder may come later.
  assert.ok(await isSite('abc_-9'))
  await mkdir(folder)
  await writeFile(join(folder, 'abc_-9'), 'abc_-9.key')
  await writeFile(join(folder, 'ours'), 'theirs.key')
  await writeFile(join(folder, 'large'), 'x'.repeat(5_000))
  await writeFile(join(temp.path, 'secret'), 'secret')
  await symlink(join(temp.path, 'secret'), join(folder, 'link'))
  await mkdir(join(folder, 'folder'))

  for (const host of ['a.test', 'closed.test', 'unknown.test'])
    assert.deepEqual(await requestToken(host, 'abc_-9'), [200, 'abc_-9.key'])
  assert.deepEqual(await requestToken('a.test', 'ours'), [200, 'ours.key'])
  for (const token of ['other', 'large', 'link', 'folder', '', '../secret', '%2e%2e%2fsecret', 'a.b'])
    assert.ok(await isSite(token), token)
  assert.deepEqual(await requestToken('unknown.test', 'other'), [503, ''])
})
