import { part } from '../../parts/find-parts.ts'
import { startDockerd } from '../../parts/start-dockerd.ts'
import { busyboxTree } from '../content/busybox.ts'
import { makeTar } from '../content/tar.ts'
import { runCommand, runOk } from '../machine/run-command.ts'

/** Name of the image that containers are made of: a static busybox. */
export const IMAGE = 'busybox:test'

/** A Docker engine of a test's own, with an image and a network, and its command. */
export interface DockerRoom extends AsyncDisposable {
  /** Such as `unix:///tmp/…/docker.sock`. */
  readonly url: string
  /** Runs `docker` with arguments. @returns its output. */
  docker(...args: string[]): Promise<string>
  /** Makes a network of these addresses, on a bridge that goes with the room. */
  addNetwork(name: string, subnet: string): Promise<void>
  /** Runs a container that sleeps in the network `web`. */
  run(name: string, options: readonly string[], command?: readonly string[]): Promise<void>
}

/** Opens one. The network `web` has addresses 10.213.7.0/24. */
export async function openDockerRoom(): Promise<DockerRoom> {
  await using resources = new AsyncDisposableStack()
  // Made first, so that its bridges go last, when nothing holds them.
  const bridges = resources.use(new AsyncDisposableStack())
  const daemon = await startDockerd()
  resources.defer(() => daemon.stop())
  const url = `unix://${daemon.socket}`
  const docker = (...args: string[]): Promise<string> => runOk(part('docker'), ['--host', url, ...args])
  await runOk(part('docker'), ['--host', url, 'import', '-', IMAGE], { input: makeTar(busyboxTree()) })
  const addNetwork = async (name: string, subnet: string): Promise<void> => {
    // The engine leaves the bridges of its networks behind when it stops; those of a killed run have the same
    // addresses.
    const bridge = `berth-${name}`
    const removeBridge = () => runCommand(part('ip'), ['link', 'delete', bridge])
    await removeBridge()
    bridges.defer(async () => void (await removeBridge()))
    const option = `com.docker.network.bridge.name=${bridge}`
    await docker('network', 'create', '--opt', option, '--subnet', subnet, name)
    bridges.use(await allowWithin(bridge))
  }
  await addNetwork('web', '10.213.7.0/24')
  const kept = resources.move()
  return {
    url,
    docker,
    addNetwork,
    async run(name, options, command = ['/bin/busybox', 'sleep', '600']) {
      await docker('run', '-d', '--name', name, '--network', 'web', ...options, IMAGE, ...command)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/**
 * Lets the containers of a bridge reach each other. An engine that was run on this machine with its own firewall rules
 * leaves "drop what is forwarded" behind, which holds for every bridge; that of a room sets no rules.
 */
async function allowWithin(bridge: string): Promise<AsyncDisposable> {
  const rule = ['FORWARD', '-i', bridge, '-o', bridge, '-j', 'ACCEPT']
  const iptables = (action: '-I' | '-D') => runCommand('iptables', ['--wait', action, ...rule])
  await iptables('-I')
  return { [Symbol.asyncDispose]: async () => void (await iptables('-D')) }
}
