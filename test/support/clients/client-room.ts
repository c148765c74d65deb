import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { PARTS_PATH, part } from '../../parts/find-parts.ts'
import { runFailing, runOk } from '../machine/run-command.ts'
import { makeTempFolder } from '../machine/temp-folder.ts'
import { type BootedBerth, type BootOptions, bootBerth } from '../program/boot-berth.ts'

/** Users of the client tests: one at work, and one whose repositories are out of the first one's reach. */
const CLIENT_USERS = [{ name: 'alice' }, { name: 'bob' }] as const

/** A running Berth and a home for one client, cut off from the settings and log-ins of the user who runs the tests. */
export interface ClientRoom extends AsyncDisposable {
  readonly berth: BootedBerth
  /** An empty folder of its own, which is also `HOME`. */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** Runs a program that must succeed. @returns its standard output. */
  run(program: string, args: readonly string[], input?: string | Uint8Array): Promise<string>
  /** Runs a program that must fail. @returns all its output. */
  runFailing(program: string, args: readonly string[], input?: string | Uint8Array): Promise<string>
}

/** Opens a room; dispose of it in `after`. */
export async function openClientRoom(options: Partial<BootOptions> = {}): Promise<ClientRoom> {
  await using resources = new AsyncDisposableStack()
  const home = resources.use(await makeTempFolder('home'))
  const env = await isolatedEnvironment(home.path)
  const berth = resources.use(await bootBerth({ users: CLIENT_USERS, ...options }))
  const kept = resources.move()
  const commandOptions = { env, cwd: home.path }
  return {
    berth,
    folder: home.path,
    env,
    run: (program, args, input) => runOk(part(program), args, { ...commandOptions, input }),
    runFailing: (program, args, input) => runFailing(part(program), args, { ...commandOptions, input }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** An environment in which all places where a client looks for settings, log-ins or caches lie below one folder. */
export async function isolatedEnvironment(home: string): Promise<NodeJS.ProcessEnv> {
  const folders = {
    TMPDIR: join(home, 'tmp'),
    DOCKER_CONFIG: join(home, 'docker'),
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_RUNTIME_DIR: join(home, 'run'),
  }
  for (const folder of Object.values(folders)) await mkdir(folder, { mode: 0o700 })
  return {
    ...folders,
    PATH: PARTS_PATH,
    HOME: home,
    LANG: 'C.UTF-8',
    // podman, buildah and skopeo keep log-ins here.
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    // The classic builder: BuildKit would fetch images that no test machine can reach.
    DOCKER_BUILDKIT: '0',
  }
}
