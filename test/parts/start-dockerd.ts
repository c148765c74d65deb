import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { addNetworkBridge } from '../support/machine/network-bridge.ts'
import { runCommand } from '../support/machine/run-command.ts'
import { startProcess } from '../support/machine/start-process.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { PARTS_PATH, part } from './find-parts.ts'

/** A daemon that a test started. */
export interface StartedDaemon {
  /** Path of the socket its clients use. */
  readonly socket: string
  stop(): Promise<void>
}

/**
 * Starts a Docker daemon with socket, data and containerd of its own, so that it neither sees nor disturbs another on
 * the same machine; it leaves the firewall alone. With `hasBridge` its containers have a network that this machine
 * reaches.
 */
export async function startDockerd({ hasBridge = false } = {}): Promise<StartedDaemon> {
  await using resources = new AsyncDisposableStack()
  const bridge = hasBridge ? resources.use(await addNetworkBridge()).name : 'none'
  const folder = resources.use(await makeTempFolder('dockerd'))
  resources.defer(() => unmountBelow(folder.path))
  const socket = join(folder.path, 'docker.sock')
  // Its own settings, empty, in place of the machine's /etc/docker/daemon.json.
  const settings = join(folder.path, 'daemon.json')
  await writeFile(settings, '{}')
  const daemon = await startProcess(part('dockerd'), {
    args: [
      ...['--config-file', settings, '--host', `unix://${socket}`],
      ...['--data-root', join(folder.path, 'data'), '--exec-root', join(folder.path, 'exec')],
      ...['--pidfile', join(folder.path, 'docker.pid'), `--bridge=${bridge}`],
      ...['--iptables=false', '--ip6tables=false', '--ip-forward=false'],
    ],
    logFile: join(folder.path, 'dockerd.log'),
    env: { PATH: PARTS_PATH, HOME: folder.path },
    isReady: async () => {
      await access(socket)
      const info = ['--host', `unix://${socket}`, 'info', '--format', '{{.ServerVersion}}']
      return (await runCommand(part('docker'), info)).code === 0
    },
  })
  resources.defer(async () => {
    await daemon.stop()
  })
  const kept = resources.move()
  return { socket, stop: () => kept.disposeAsync() }
}

/** A daemon leaves the network of the host mounted in its folder once a container has used it. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1])
  for (const mount of mounts.filter((path) => path?.startsWith(`${folder}/`)).reverse()) {
    await runCommand('umount', [mount ?? ''])
  }
}
