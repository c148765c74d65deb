import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { PARTS_PATH, part } from './find-parts.ts'
import type { StartedDaemon } from './start-dockerd.ts'

/** Starts a containerd with socket, state and content of its own, without the Kubernetes plugin. */
export async function startContainerd(): Promise<StartedDaemon> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('containerd'))
  const socket = join(folder.path, 'containerd.sock')
  const settings = join(folder.path, 'config.toml')
  await writeFile(
    settings,
    [
      'version = 2',
      `root = ${JSON.stringify(join(folder.path, 'root'))}`,
      `state = ${JSON.stringify(join(folder.path, 'state'))}`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      '[grpc]',
      `address = ${JSON.stringify(socket)}`,
      '[ttrpc]',
      `address = ${JSON.stringify(`${socket}.ttrpc`)}`,
    ].join('\n'),
  )
  const daemon = await startProcess(part('containerd'), {
    args: ['--config', settings],
    logFile: join(folder.path, 'containerd.log'),
    env: { PATH: PARTS_PATH, HOME: folder.path },
    isReady: async () => {
      await access(socket)
      return (await runCommand(part('ctr'), ['--address', socket, 'version'])).code === 0
    },
  })
  resources.defer(async () => {
    await daemon.stop()
  })
  const kept = resources.move()
  return { socket, stop: () => kept.disposeAsync() }
}
