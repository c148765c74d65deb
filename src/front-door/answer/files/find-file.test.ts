import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { HOST, openProxyRoom } from '../../../../test/support/door/proxy-room.ts'
import { makeTempFolder } from '../../../../test/support/machine/temp-folder.ts'
import { type FileRules, STRICT } from './find-file.ts'

/** Result of a path of a site's folder, which is reached by a link itself. */
async function served(
  rules: Partial<FileRules>,
  path: string,
): Promise<readonly [status: number, body: string]> {
  await using temp = await makeTempFolder('find-file')
  const root = join(temp.path, 'releases', '.42')
  const data = join(temp.path, 'data')
  for (const folder of [
    join(root, '.git'),
    join(root, '.well-known'),
    join(root, 'sub'),
    data,
    join(temp.path, 'out'),
  ])
    await mkdir(folder, { recursive: true })
  await symlink(root, join(temp.path, 'current'))
  const files: Readonly<Record<string, string>> = {
    [join(root, 'a.txt')]: 'a',
    [join(root, '.env')]: 'env',
    [join(root, '.git', 'config')]: 'git',
    [join(root, '.well-known', 'security.txt')]: 'known',
    [join(data, 'berth.db')]: 'data',
    [join(temp.path, 'out', 'x.txt')]: 'out',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(name, text)
  await writeFile(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'latin')
  await symlink(join(root, 'a.txt'), join(root, 'sub', 'inside'))
  await symlink(join(temp.path, 'out'), join(root, 'outside'))
  await symlink(join(temp.path, 'out', 'x.txt'), join(root, 'sub', 'index.html'))
  await symlink(data, join(root, 'data'))
  await symlink('loop', join(root, 'loop'))
  await using room = await openProxyRoom({
    vhost: `location / { root ${join(temp.path, 'current')}; } location /all/ { alias ${temp.path}/; }`,
    files: { ...STRICT, closedFolders: [data], ...rules },
  })
  const request = get({ host: '127.0.0.1', port: room.port, path, agent: false, headers: { host: HOST } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response) body += String(chunk)
  return [response.statusCode ?? 0, response.statusCode === 200 ? body : '']
}

const LINKS = { symlinks: true }
const DOTS = { dotfiles: true }
const ROWS: readonly [rules: Partial<FileRules>, path: string, status: number, body?: string][] = [
  [{}, '/a.txt', 200, 'a'],
  [{}, '/.env', 404],
  [{}, '/%2eenv', 404],
  [{}, '/.git/config', 404],
  [{}, '/.git', 404],
  [{}, '/.well-known/security.txt', 200, 'known'],
  [DOTS, '/.env', 200, 'env'],
  [DOTS, '/.git/config', 200, 'git'],
  [{}, '/sub/inside', 200, 'a'],
  [{}, '/outside/x.txt', 404],
  [{}, '/sub/', 403],
  [DOTS, '/outside/x.txt', 404],
  [LINKS, '/outside/x.txt', 200, 'out'],
  [LINKS, '/sub/', 200, 'out'],
  [LINKS, '/loop', 404],
  [{}, '/caf%E9', 200, 'latin'],
  // The data folder is never served, neither by a link nor as the folder of a site.
  [{ ...LINKS, ...DOTS }, '/data/berth.db', 404],
  [{ ...LINKS, ...DOTS }, '/all/data/berth.db', 404],
  [{ ...LINKS, ...DOTS }, '/all/current/data/berth.db', 404],
  [{}, '/all/out/x.txt', 200, 'out'],
]
for (const [rules, path, status, body = ''] of ROWS) {
  test(`a site answers ${status} to ${path} with ${JSON.stringify(rules)}`, async () => {
    assert.deepEqual(await served(rules, path), [status, body])
  })
}
