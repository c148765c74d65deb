/**
 * Makes a fixture of a data folder: runs the program of a checkout, fills its folder as a user would, stops it and
 * packs the folder. `node test/upgrade/make-data-folder.ts NAME [CHECKOUT]`; see the README of the fixtures.
 */
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Image, makeImage, makeIndex } from '../support/content/make-image.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { cleanEnvironment } from '../support/program/served-berth.ts'
import { type DataFolderContent, FIXTURES, type FixtureImage, USERS } from './data-folder.ts'
import { DOMAIN, startOn } from './fixture-server.ts'
import { sendTls, type TlsTarget } from './tls-requests.ts'

/** Files that a server makes anew at each start, and those of this machine. */
const LEFT_OUT = ['headroom', 'server.json', 'server.lock', 'status.sock', 'sites.json', 'first-password']

/** Commands that fill tables of later versions; a version without one of them refuses it, and its fixture lacks those rows. */
const LATER_COMMANDS: readonly { readonly args: readonly string[]; readonly input?: string }[] = [
  { args: ['tag', 'pin', 'alice/app', '1.0', '--reason', 'fixture'] },
  {
    args: ['policy', 'apply', '-'],
    input: 'policies:\n  - repositories: ["alice/**"]\n    immutable: ["v*"]\n',
  },
  { args: ['tag', 'delete', 'alice/app', 'gone', '--yes'] },
  { args: ['token', 'create', 'alice', 'fixture', '--allow', 'alice/app:pull', '--expires', 'never'] },
  { args: ['robot', 'create', 'fixture-robot', '--owner', 'alice'] },
]

const [name, checkout = '.'] = process.argv.slice(2)
assert.ok(name, 'usage: node test/upgrade/make-data-folder.ts NAME [CHECKOUT]')
await makeDataFolder(name, join(resolve(checkout), 'bin/berth'))

async function makeDataFolder(fixture: string, berth: string): Promise<void> {
  await using folder = await makeTempFolder('make-data')
  const data = join(folder.path, 'data')
  const command = (args: readonly string[], input = '') =>
    runCommand(berth, [...args, '--data', data], { input, env: cleanEnvironment() })
  for (const [user, { password, isAdmin }] of Object.entries(USERS)) {
    const flags = ['--new', '--password-stdin', ...(isAdmin ? ['--admin'] : [])]
    await runOk(berth, ['user', 'add', user, ...flags, '--data', data], {
      input: password,
      env: cleanEnvironment(),
    })
  }
  const server = await startOn(berth, folder.path)
  const content = await fill({
    ...{ port: server.port, domain: DOMAIN, ca: undefined },
    ...{ user: 'alice', password: USERS.alice.password },
  })
  const done: string[] = []
  for (const { args, input } of LATER_COMMANDS) {
    const { code, stderr } = await command(args, input)
    if (code === 0) done.push(args.slice(0, 2).join(' '))
    else process.stderr.write(`without "${args.join(' ')}": ${stderr}`)
  }
  assert.equal(await server.process.stop(), 0)
  for (const file of LEFT_OUT) await rm(join(data, file), { recursive: true, force: true })
  await writeFile(join(folder.path, 'content.json'), JSON.stringify({ ...content, done }, undefined, 1))
  const target = fileURLToPath(new URL(`${fixture}.tar.gz`, FIXTURES))
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--sort=name']
  await runOk('tar', ['-czf', target, ...owner, '-C', folder.path, 'data', 'content.json'])
}

/** Pushes some images; one tag moves, so that versions with a history of tags have some. */
async function fill(target: TlsTarget): Promise<Omit<DataFolderContent, 'done'>> {
  const make = (text: string): Image =>
    makeImage({
      layers: [[{ path: 'base', bytes: Buffer.from('base') }], [{ path: 'file', bytes: Buffer.from(text) }]],
    })
  const [first, second] = [make('first'), make('second')]
  const pushes: [string, string, Image][] = [
    ['alice/app', '1.0', first],
    ['alice/app', 'latest', first],
    ['alice/app', 'latest', second],
    ['alice/app', 'gone', make('gone')],
    ['alice/tools/deep', 'multi', makeIndex([first, second])],
  ]
  const images = new Map<string, FixtureImage>()
  for (const [repository, tag, image] of pushes) {
    await push(target, { repository, tag, image })
    const { digest } = image.root.descriptor
    images.set(`${repository}:${tag}`, { repository, tag, digest })
  }
  images.delete('alice/app:gone')
  const log = await sendTls(target, {
    method: 'GET',
    path: '/token?service=berth&offline_token=true&client_id=fixture',
  })
  assert.equal(log.status, 200)
  return { images: [...images.values()] }
}

async function push(
  target: TlsTarget,
  { repository, tag, image }: { repository: string; tag: string; image: Image },
): Promise<void> {
  for (const { descriptor, bytes } of image.contents) {
    const isManifest = /manifest|index/.test(descriptor.mediaType)
    const { status, body } = await sendTls(target, {
      method: isManifest ? 'PUT' : 'POST',
      path: isManifest
        ? `/v2/${repository}/manifests/${descriptor.digest}`
        : `/v2/${repository}/blobs/uploads/?digest=${descriptor.digest}`,
      headers: { 'content-type': isManifest ? descriptor.mediaType : 'application/octet-stream' },
      body: bytes,
    })
    assert.equal(status, 201, String(body))
  }
  const { descriptor, bytes } = image.root
  const { status, body } = await sendTls(target, {
    method: 'PUT',
    path: `/v2/${repository}/manifests/${tag}`,
    headers: { 'content-type': descriptor.mediaType },
    body: bytes,
  })
  assert.equal(status, 201, String(body))
}
