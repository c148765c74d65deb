import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'

const NOTES = 'application/vnd.example.notes'
const SBOM = 'application/vnd.example.sbom'
const REVIEW = 'application/vnd.example.review'

describe('oras', { skip: skipReason('oras') }, () => {
  let room: ClientRoom
  const oras = (...args: string[]): Promise<string> => room.run('oras', [...args, '--plain-http'])
  const reference = (name: string): string => `${room.berth.host}/alice/${name}`

  before(async () => {
    room = await openClientRoom()
    await writeFile(join(room.folder, 'notes.txt'), 'sail at dawn\n')
    await writeFile(join(room.folder, 'sbom.json'), '{"parts":[]}')
    const login = ['login', room.berth.host, '--plain-http', '-u', 'alice', '--password-stdin']
    await room.run('oras', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('pushes an artifact and pulls the same file', async () => {
    await oras('push', reference('notes:v1'), '--artifact-type', NOTES, 'notes.txt:text/plain')
    const folder = join(room.folder, 'pulled')
    await mkdir(folder)
    await oras('pull', reference('notes:v1'), '-o', folder)
    assert.equal(await readFile(join(folder, 'notes.txt'), 'utf8'), 'sail at dawn\n')
    const manifest = JSON.parse(await oras('manifest', 'fetch', reference('notes:v1')))
    assert.equal(manifest.artifactType, NOTES)
  })

  it('attaches artifacts and discovers them, all or by type, without fallback tags', async () => {
    await oras('push', reference('subject:v1'), 'notes.txt:text/plain')
    await oras('attach', reference('subject:v1'), '--artifact-type', SBOM, 'sbom.json:application/json')
    await oras('attach', reference('subject:v1'), '--artifact-type', REVIEW, 'notes.txt:text/plain')
    assert.deepEqual(await discover('subject:v1'), [REVIEW, SBOM])
    assert.deepEqual(await discover('subject:v1', '--artifact-type', SBOM), [SBOM])
    // With the referrers API there is no need for tags named after digests.
    assert.equal((await oras('repo', 'tags', reference('subject'))).trim(), 'v1')
  })

  it('copies an artifact with what is attached to it', async () => {
    await oras('push', reference('origin:v1'), 'notes.txt:text/plain')
    await oras('attach', reference('origin:v1'), '--artifact-type', SBOM, 'sbom.json:application/json')
    const plain = ['--from-plain-http', '--to-plain-http']
    await room.run('oras', ['cp', '-r', ...plain, reference('origin:v1'), reference('goal:v1')])
    assert.deepEqual(await discover('goal:v1'), [SBOM])
  })

  it('pushes, fetches and deletes a blob and a manifest', async () => {
    const described = await oras('blob', 'push', reference('raw'), 'notes.txt', '--descriptor')
    const { digest } = JSON.parse(described)
    assert.equal(await oras('blob', 'fetch', reference(`raw@${digest}`), '--output', '-'), 'sail at dawn\n')
    await oras('blob', 'delete', reference(`raw@${digest}`), '--force')
    await room.runFailing('oras', [
      'blob',
      'fetch',
      reference(`raw@${digest}`),
      '--output',
      '-',
      '--plain-http',
    ])
    await oras('push', reference('raw:v1'), 'notes.txt:text/plain')
    await oras('manifest', 'delete', reference('raw:v1'), '--force')
    await room.runFailing('oras', ['manifest', 'fetch', reference('raw:v1'), '--plain-http'])
  })

  it('lists repositories, and tags after a given one', async () => {
    for (const tag of ['a', 'b', 'c']) await oras('push', reference(`tagged:${tag}`), 'notes.txt:text/plain')
    assert.equal(await oras('repo', 'tags', reference('tagged'), '--last', 'a'), 'b\nc\n')
    assert.match(await oras('repo', 'ls', room.berth.host), /^alice\/tagged$/m)
  })

  async function discover(name: string, ...args: string[]): Promise<string[]> {
    const found = JSON.parse(await oras('discover', reference(name), '--format', 'json', ...args))
    const referrers: { artifactType: string }[] = found.referrers ?? found.manifests ?? []
    return referrers.map(({ artifactType }) => artifactType).sort()
  }
})
