import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { PARTS_PATH, part } from './find-parts.ts'
import type { StartedDaemon } from './start-dockerd.ts'

/** Starts a BuildKit with socket and content of its own, which speaks plain HTTP to one registry if it is given. */
export async function startBuildkitd(registryHost?: string): Promise<StartedDaemon> {
  await using resources = new AsyncDisposableStack()
  const folder = resources.use(await makeTempFolder('buildkitd'))
  const socket = join(folder.path, 'buildkitd.sock')
  const settings = join(folder.path, 'buildkitd.toml')
  const registry =
    registryHost === undefined ? '' : `[registry.${JSON.stringify(registryHost)}]\n  http = true\n`
  await writeFile(settings, registry)
  const daemon = await startProcess(part('buildkitd'), {
    args: [
      ...['--config', settings, '--addr', `unix://${socket}`, '--root', join(folder.path, 'root')],
      // Steps of a build run in the network of the machine: there is no bridge for them.
      ...['--oci-worker=true', '--containerd-worker=false', '--oci-worker-net=host'],
      ...['--oci-worker-binary', part('runc'), '--oci-worker-snapshotter=native'],
    ],
    logFile: join(folder.path, 'buildkitd.log'),
    env: { PATH: PARTS_PATH, HOME: folder.path },
    isReady: async () =>
      (await runCommand(part('buildctl'), ['--addr', `unix://${socket}`, 'debug', 'workers'])).code === 0,
  })
  resources.defer(async () => {
    await daemon.stop()
  })
  const kept = resources.move()
  return { socket, stop: () => kept.disposeAsync() }
}
