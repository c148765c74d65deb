import { part } from '../parts/find-parts.ts'
import { startDockerd } from '../parts/start-dockerd.ts'
import { busyboxTree } from './busybox.ts'
import { runOk } from './run-command.ts'
import { makeTar } from './tar.ts'

/** Name of the image that containers are made of: a static busybox. */
export const IMAGE = 'busybox:test'

/** A Docker engine of a test's own, with an image and a network, and its command. */
export interface DockerRoom extends AsyncDisposable {
  /** Such as `unix:///tmp/…/docker.sock`. */
  readonly url: string
  /** Runs `docker` with arguments; answers what it printed. */
  docker(...args: string[]): Promise<string>
  /** Runs a container that sleeps in the network `web`. */
  run(name: string, options: readonly string[], command?: readonly string[]): Promise<void>
}

/** Opens one. The network `web` has addresses 10.213.7.0/24. */
export async function openDockerRoom(): Promise<DockerRoom> {
  await using resources = new AsyncDisposableStack()
  const daemon = await startDockerd()
  resources.defer(() => daemon.stop())
  const url = `unix://${daemon.socket}`
  const docker = (...args: string[]): Promise<string> => runOk(part('docker'), ['--host', url, ...args])
  await runOk(part('docker'), ['--host', url, 'import', '-', IMAGE], { input: makeTar(busyboxTree()) })
  await docker('network', 'create', '--subnet', '10.213.7.0/24', 'web')
  const kept = resources.move()
  return {
    url,
    docker,
    async run(name, options, command = ['/bin/busybox', 'sleep', '600']) {
      await docker('run', '-d', '--name', name, '--network', 'web', ...options, IMAGE, ...command)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
