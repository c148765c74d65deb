import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { skipReason } from '../parts/find-parts.ts'
import { type ClientRoom, openClientRoom } from '../support/clients/client-room.ts'

describe('helm', { skip: skipReason('helm') }, () => {
  let room: ClientRoom
  let archive: string
  const helm = (...args: string[]): Promise<string> => room.run('helm', args)

  before(async () => {
    room = await openClientRoom()
    archive = await packageChart()
    const login = ['registry', 'login', room.berth.host, '--plain-http', '-u', 'alice', '--password-stdin']
    await room.run('helm', login, room.berth.requirePassword('alice'))
  })
  after(() => room?.[Symbol.asyncDispose]())

  it('pushes a chart and pulls the same archive', async () => {
    const repository = `oci://${room.berth.host}/alice/charts`
    await helm('push', archive, repository, '--plain-http')
    await mkdir(join(room.folder, 'pulled'))
    const pull = ['pull', `${repository}/harbour`, '--version', '1.2.3', '--plain-http', '-d', 'pulled']
    await helm(...pull)
    assert.deepEqual(
      await readFile(join(room.folder, 'pulled', 'harbour-1.2.3.tgz')),
      await readFile(join(room.folder, archive)),
    )
    assert.match(await helm('show', 'chart', `${repository}/harbour`, '--plain-http'), /^version: 1\.2\.3$/m)
  })

  it('is refused with a wrong password, and after it has logged out', async () => {
    const login = ['registry', 'login', room.berth.host, '--plain-http', '-u', 'bob', '--password-stdin']
    assert.match(await room.runFailing('helm', login, 'no such password'), /401|unauthorized/i)
    const repository = `oci://${room.berth.host}/bob/charts`
    assert.match(
      await room.runFailing('helm', ['push', archive, repository, '--plain-http']),
      /401|403|denied/i,
    )
  })

  /** Packages a small chart. @returns the archive's name in the room's folder. */
  async function packageChart(): Promise<string> {
    const chart = join(room.folder, 'harbour')
    await mkdir(join(chart, 'templates'), { recursive: true })
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: harbour\nversion: 1.2.3\n')
    const template = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: quay}\n'
    await writeFile(join(chart, 'templates', 'quay.yaml'), template)
    await helm('package', 'harbour')
    return 'harbour-1.2.3.tgz'
  }
})
