import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { createDockerClient, type DockerClient } from '../../front-door/docker/engine/docker-client.ts'
import { readEngineName, readRunningContainers } from '../../front-door/docker/read-running-images.ts'
import type { ContainerEngine, InUseFacts, RunningImage } from '../../metadata/in-use-facts.ts'
import { runPeriodically } from '../../upkeep/run-periodically.ts'
import { createOwnHosts } from './own-hosts.ts'
import { toRunningImages } from './to-running-images.ts'

/** Time of the first look, well before the first round of collection, and between two, in milliseconds. */
const FIRST_LOOK_MS = 5_000
const LOOK_EVERY_MS = 60_000
/** Time after which images that have not changed are recorded again, in milliseconds: their age counts. */
const RECORD_EVERY_MS = 3_600_000
/** Images recorded of one engine. */
const MAX_IMAGES = 10_000

/** Dependencies. */
interface RunningContext {
  /** URL of the engine. */
  readonly url: string
  readonly config: Config
  readonly logger: Logger
  readonly facts: Pick<InUseFacts, 'recordRunning'>
}

/**
 * Records the images of this registry that containers of the configured engine run, until it is disposed. While the
 * engine cannot be read, those recorded last stay in force, for as long as their age allows.
 */
export function keepRunningImages(context: RunningContext): AsyncDisposable {
  const { url, logger } = context
  const client = openClient(url, logger)
  if (!client) return { async [Symbol.asyncDispose]() {} }
  const recorder = new RunningRecorder(context, client)
  let isFailing = false
  const looks = runPeriodically(
    async () => {
      await recorder.look()
      if (isFailing) logger.info('the images that containers run can be read again')
      isFailing = false
    },
    {
      firstMs: FIRST_LOOK_MS,
      everyMs: LOOK_EVERY_MS,
      onError(err) {
        if (!isFailing) {
          logger.warn({ err }, 'the images that containers run cannot be read: those known last are kept')
        }
        isFailing = true
      },
    },
  )
  return {
    async [Symbol.asyncDispose]() {
      client.close()
      await looks.stop()
    },
  }
}

/** A wrong address is an error of its own elsewhere; here it only means that nothing can be read. */
function openClient(url: string, logger: Logger): DockerClient | undefined {
  try {
    return createDockerClient(url, process.env.DOCKER_CERT_PATH)
  } catch (err) {
    logger.warn({ err }, 'the images that containers run cannot be read: those known last are kept')
    return undefined
  }
}

class RunningRecorder {
  readonly #context: RunningContext
  readonly #client: DockerClient
  readonly #isOwnHost: (host: string) => boolean
  #engine: ContainerEngine | undefined
  #recorded: { readonly text: string; readonly at: number } | undefined

  constructor(context: RunningContext, client: DockerClient) {
    this.#context = context
    this.#client = client
    this.#isOwnHost = createOwnHosts(context.config)
  }

  /** Errors: `DockerError`, `OciError`. */
  async look(): Promise<void> {
    this.#engine ??= (await readEngineName(this.#client)) ?? {
      id: `${hostname()} ${this.#client.url}`,
      host: hostname(),
    }
    const containers = await readRunningContainers(this.#client)
    await this.#record(this.#engine, toRunningImages(containers, this.#isOwnHost).slice(0, MAX_IMAGES))
  }

  async #record(engine: ContainerEngine, images: readonly RunningImage[]): Promise<void> {
    const text = JSON.stringify(images)
    const now = performance.now()
    const isFresh = this.#recorded !== undefined && now - this.#recorded.at < RECORD_EVERY_MS
    if (isFresh && this.#recorded?.text === text) return
    await this.#context.facts.recordRunning(engine, images)
    this.#recorded = { text, at: now }
  }
}
