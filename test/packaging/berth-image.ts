import { part } from '../parts/find-parts.ts'
import { type DockerRoom, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { pack } from './packages.ts'

/** Longest wait for a container to become healthy, in ms. */
const HEALTHY_TIMEOUT_MS = 60_000

/** An engine with Berth's image. */
export interface ImageRoom extends AsyncDisposable {
  readonly room: DockerRoom
  /** Name of the image in the engine. */
  readonly image: string
  /** An empty folder that every user may pass through. */
  readonly home: string
  /** Runs `docker` with arguments and a standard input. @returns its output. */
  dockerWith(input: string, ...args: string[]): Promise<string>
  /** Waits until a container is healthy. */
  healthy(name: string): Promise<void>
  /** Address on this machine of a container's port, such as `127.0.0.1:32768`. */
  findPort(name: string, port: number): Promise<string>
}

/** Path of the image's file: that of `TEST_BERTH_IMAGE`, or made from the checkout. */
export async function findImageFile(folder: string): Promise<string> {
  return process.env.TEST_BERTH_IMAGE ?? (await pack('image', folder))
}

/** Starts an engine, and loads the image into it. */
export async function openImageRoom(): Promise<ImageRoom> {
  await using resources = new AsyncDisposableStack()
  const home = resources.use(await makeTempFolder('image')).path
  await runOk('chmod', ['755', home])
  const file = await findImageFile(home)
  const room = resources.use(await openDockerRoom())
  const image = /Loaded image: (\S+)/.exec(await room.docker('load', '--input', file))?.[1] ?? ''
  const kept = resources.move()
  return {
    room,
    image,
    home,
    dockerWith: (input, ...args) => runOk(part('docker'), ['--host', room.url, ...args], { input }),
    async healthy(name) {
      const deadline = Date.now() + HEALTHY_TIMEOUT_MS
      const format = '{{.State.Health.Status}}'
      while ((await room.docker('inspect', '--format', format, name)).trim() !== 'healthy') {
        if (Date.now() > deadline)
          throw new Error(`${name} is not healthy\n${await room.docker('logs', name)}`)
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    },
    findPort: async (name, port) =>
      (await room.docker('port', name, String(port))).trim().split('\n')[0] ?? '',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
