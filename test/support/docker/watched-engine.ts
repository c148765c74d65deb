import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { createDockerClient } from '../../../src/front-door/docker/engine/docker-client.ts'
import type { ContainerFacts } from '../../../src/front-door/docker/facts/container-facts.ts'
import type { OwnPlace, OwnTraces } from '../../../src/front-door/docker/facts/own-networks.ts'
import { ContainerWatch, type WatchTimes } from '../../../src/front-door/docker/watch-containers.ts'
import { type ScriptedEngine, startScriptedEngine } from './scripted-engine.ts'

/** Longest wait for something that must come, in ms. */
const PATIENCE_MS = 5_000
const QUICK: WatchTimes = {
  settleMs: 20,
  maxSettleMs: 60,
  pollMs: 60_000,
  minRetryMs: 20,
  maxRetryMs: 40,
  patienceMs: 200,
}
const ON_NO_CONTAINER: OwnTraces = { isContained: false, ids: [] }

/** A watch over a scripted engine, with its reports and log lines. */
interface Watched extends AsyncDisposable {
  readonly engine: ScriptedEngine
  readonly reports: { readonly containers: readonly ContainerFacts[]; readonly place: OwnPlace }[]
  readonly states: string[]
  readonly logs: Record<string, unknown>[]
  /** Settles once a condition on the reports or log lines is true. */
  until(isSo: () => boolean): Promise<void>
  names(): string[]
}

interface Setting {
  readonly times?: Partial<WatchTimes>
  readonly traces?: OwnTraces
  readonly prepare?: (engine: ScriptedEngine) => void | Promise<void>
}

/** Watches a scripted engine, with times that suit a test. */
export async function watch({ times, traces, prepare }: Setting = {}): Promise<Watched> {
  await using resources = new AsyncDisposableStack()
  const engine = resources.use(await startScriptedEngine())
  await prepare?.(engine)
  const reports: Watched['reports'] = []
  const states: string[] = []
  const logs: Record<string, unknown>[] = []
  let wake = Promise.withResolvers<void>()
  const changed = (): void => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  const logger = pino({ level: 'info' }, { write: (line) => void logs.push(JSON.parse(line)) })
  resources.use(
    new ContainerWatch({
      client: createDockerClient(engine.url, undefined),
      logger,
      onContainers: (containers, place) => {
        reports.push({ containers, place })
        changed()
      },
      onState: (state) => {
        states.push(state)
        changed()
      },
      ownTraces: traces ?? ON_NO_CONTAINER,
      times: { ...QUICK, ...times },
    }),
  )
  const kept = resources.move()
  return {
    engine,
    reports,
    states,
    logs,
    names: () => (reports.at(-1)?.containers ?? []).map(({ name }) => name).sort(),
    async until(isSo) {
      const deadline = Date.now() + PATIENCE_MS
      while (!isSo()) {
        assert.ok(
          Date.now() < deadline,
          `it did not come about: ${JSON.stringify([reports.at(-1), states, logs])}`,
        )
        await Promise.race([wake.promise, sleep(20)])
      }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** A container that declares the host of its name. */
export const app = (name: string): { name: string; env: string[] } => ({
  name,
  env: [`VIRTUAL_HOST=${name}.example.com`],
})
