import assert from 'node:assert/strict'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { part } from '../parts/find-parts.ts'
import { type DockerRoom, IMAGE, openDockerRoom } from '../support/docker/docker-room.ts'
import { runOk } from '../support/machine/run-command.ts'
import { makeTempFolder } from '../support/machine/temp-folder.ts'
import { pack } from './packages.ts'

/** Longest wait for a container to become healthy, in ms. */
const HEALTHY_TIMEOUT_MS = 60_000
/** Longest wait for a host of another container to be served, in ms. */
const SERVED_TIMEOUT_MS = 20_000
/** Pause between two looks, in ms. */
const POLL_MS = 300

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
  /** Waits until Berth in a container has a host in a state of `berth site list`, such as `up`. */
  served(name: string, host: string, state: 'up' | 'degraded'): Promise<void>
  /** Address on this machine of a container's port, such as `127.0.0.1:32768`. */
  findPort(name: string, port: number): Promise<string>
  /** Logs in to a registry by Docker. @returns its output. */
  logIn(host: string, user: string, password: string): Promise<string>
  /** Pushes the engine's small image as a reference, as who has logged in, and pulls the same image again. */
  pushAndPull(reference: string): Promise<void>
}

/** Path of the image's file: that of `TEST_BERTH_IMAGE`, or made from the checkout. */
export async function findImageFile(folder: string): Promise<string> {
  return process.env.TEST_BERTH_IMAGE ?? (await pack('image', folder))
}

/** Starts an engine, and loads the image into it. */
export async function openImageRoom(): Promise<ImageRoom> {
  await using resources = new AsyncDisposableStack()
  const home = resources.use(await makeTempFolder('image')).path
  await chmod(home, 0o755)
  const file = await findImageFile(home)
  const room = resources.use(await openDockerRoom())
  const image = /Loaded image: (\S+)/.exec(await room.docker('load', '--input', file))?.[1] ?? ''
  const dockerWith = (input: string, ...args: string[]): Promise<string> =>
    runOk(part('docker'), ['--host', room.url, ...args], { input })
  const kept = resources.move()
  return {
    ...{ room, image, home, dockerWith },
    ...waitForContainers(room),
    ...useClient(room, { config: join(home, 'docker'), dockerWith }),
    findPort: async (name, port) =>
      (await room.docker('port', name, String(port))).trim().split('\n')[0] ?? '',
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function waitForContainers(room: DockerRoom): Pick<ImageRoom, 'healthy' | 'served'> {
  return {
    async healthy(name) {
      const look = (): Promise<string> => room.docker('inspect', '--format', '{{.State.Health.Status}}', name)
      const isHealthy = await until(async () => (await look()).trim() === 'healthy', HEALTHY_TIMEOUT_MS)
      if (!isHealthy) throw new Error(`${name} is not healthy\n${await room.docker('logs', name)}`)
    },
    async served(name, host, state) {
      const list = (): Promise<string> => room.docker('exec', name, 'berth', 'site', 'list')
      const hasState = async (): Promise<boolean> =>
        (await list()).split('\n').some((line) => line.split(/ +/).slice(0, 2).join() === `${host},${state}`)
      const isServed = await until(hasState, SERVED_TIMEOUT_MS)
      if (!isServed) throw new Error(`${host} is not ${state}\n${await list()}`)
    },
  }
}

/** Looks until a condition holds. @returns false if it does not in time. */
async function until(holds: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs
  while (!(await holds())) {
    if (Date.now() > deadline) return false
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return true
}

interface Client extends Pick<ImageRoom, 'dockerWith'> {
  /** Folder of Docker's log-ins. */
  readonly config: string
}

function useClient(
  room: DockerRoom,
  { config, dockerWith }: Client,
): Pick<ImageRoom, 'logIn' | 'pushAndPull'> {
  const findId = (name: string): Promise<string> => room.docker('inspect', '--format', '{{.Id}}', name)
  return {
    logIn: (host, user, password) =>
      dockerWith(password, '--config', config, 'login', host, '-u', user, '--password-stdin'),
    async pushAndPull(reference) {
      await room.docker('tag', IMAGE, reference)
      await room.docker('--config', config, 'push', reference)
      await room.docker('rmi', reference)
      await room.docker('--config', config, 'pull', reference)
      assert.equal(await findId(reference), await findId(IMAGE))
    },
  }
}
