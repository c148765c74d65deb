import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { part, skipReason } from '../parts/find-parts.ts'
import { type StartedDaemon, startDockerd } from '../parts/start-dockerd.ts'
import { isolatedEnvironment } from '../support/clients/client-room.ts'
import { makeImage } from '../support/content/make-image.ts'
import { writeOciLayout } from '../support/content/oci-layout.ts'
import { makeTar } from '../support/content/tar.ts'
import { findFreePort } from '../support/machine/free-port.ts'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'
import { addAdministrator, BerthProcess, type BerthSite } from '../support/program/berth-process.ts'

const BERTH = fileURLToPath(new URL('../../bin/berth', import.meta.url))
/** Docker tries a push again after 5, 10, 15 and 20 seconds; a refusal that it understands ends at once. */
const AT_ONCE_MS = 25_000

const TREE = [{ path: 'file', bytes: Buffer.from('text') }]

/** The output of a client that was refused, and the time until it ended. */
interface Refusal {
  readonly text: string
  readonly ms: number
}

describe('clients whose push is refused', { skip: skipReason('docker', 'dockerd', 'skopeo') }, () => {
  let folder: TempFolder
  let daemon: StartedDaemon
  let env: NodeJS.ProcessEnv

  before(async () => {
    folder = await makeTempFolder('refused')
    daemon = await startDockerd()
    env = { ...(await isolatedEnvironment(folder.path)), DOCKER_HOST: `unix://${daemon.socket}` }
    const image = makeImage({ layers: [TREE] })
    await writeOciLayout(join(folder.path, 'layout'), { one: image })
    await writeFile(join(folder.path, 'image.tar'), makeTar(TREE))
  })
  after(async () => {
    await daemon?.stop()
    await folder?.[Symbol.asyncDispose]()
  })

  async function refuse(flags: string[], prepare: (site: BerthSite) => Promise<void>): Promise<Refusal[]> {
    const port = await findFreePort()
    const site = {
      dataDir: join(folder.path, `data-${port}`),
      port,
      logFile: join(folder.path, `${port}.log`),
      flags,
    }
    const basic = await addAdministrator(site)
    const password = Buffer.from(basic.replace('Basic ', ''), 'base64').toString().slice('root:'.length)
    await using _server = await BerthProcess.start(site)
    await prepare(site)
    const host = `127.0.0.1:${port}`
    const docker = part('docker')
    await runOk(docker, ['login', '-u', 'root', '--password-stdin', host], { env, input: password })
    await runOk(docker, ['import', join(folder.path, 'image.tar'), `${host}/root/app:1`], { env })
    const byDocker = await push(docker, ['push', `${host}/root/app:1`])
    const copy = [
      'copy',
      '--dest-tls-verify=false',
      '--dest-creds',
      `root:${password}`,
      `oci:${join(folder.path, 'layout')}:one`,
    ]
    return [byDocker, await push(part('skopeo'), [...copy, `docker://${host}/root/other:1`])]
  }

  async function push(file: string, args: string[]): Promise<Refusal> {
    const begin = performance.now()
    const { code, stdout, stderr } = await runCommand(file, args, { env, timeoutMs: 300_000 })
    assert.notEqual(code, 0)
    return { text: stdout + stderr, ms: performance.now() - begin }
  }

  it('of a registry that is read-only end at once, with the reason', async () => {
    const why = 'moving to a new disk'
    const refusals = await refuse([], async ({ dataDir }) => {
      await runOk(BERTH, ['read-only', 'on', '--reason', why, '--data', dataDir])
    })
    for (const { text, ms } of refusals) {
      assert.match(text, /read-only .*moving to a new disk/)
      assert.ok(ms < AT_ONCE_MS, `${ms} ms: ${text}`)
    }
  })

  it('of a disk that is nearly full end at once, and say so', async () => {
    const refusals = await refuse(['--disk-floor', '900TB'], async () => {})
    for (const { text, ms } of refusals) {
      assert.match(text, /no space left on device/)
      assert.ok(ms < AT_ONCE_MS, `${ms} ms: ${text}`)
    }
  })

  for (const [limit, message] of [
    ['bytes: 10', /The quota of root is used up: \d+ of 10 bytes are used, and \d+ more are wanted/],
    [
      'repositories: 0',
      /The quota of root is used up: it has 0 of 0 repositories, and root\/\w+ would be one more/,
    ],
  ] as const) {
    it(`beyond a quota of ${limit} end at once, with the numbers`, async () => {
      const refusals = await refuse([], async ({ dataDir }) => {
        const file = join(dataDir, 'policies.yaml')
        await writeFile(file, `quotas:\n  - { namespace: root, ${limit} }\n`)
        await runOk(BERTH, ['policy', 'apply', file, '--data', dataDir])
      })
      for (const { text, ms } of refusals) {
        assert.match(text, message)
        assert.ok(ms < AT_ONCE_MS, `${ms} ms: ${text}`)
      }
    })
  }
})
