import { writeFile } from 'node:fs/promises'
import { findPart } from '../test/parts/find-parts.ts'
import { judge } from './bars.ts'
import { createCurl } from './curl.ts'
import { describeMachine, formatMachine } from './machine.ts'
import { type BenchOptions, parseOptions, USAGE, UsageError, type WorkName } from './options.ts'
import { formatNumber, formatTables, formatVerdicts } from './report.ts'
import type { Sample } from './samples.ts'
import { measureAdopt } from './work/adopt.ts'
import { measureCollection } from './work/collection.ts'
import { measureManifest } from './work/manifest.ts'
import { measureMemory } from './work/memory.ts'
import { measureProxy } from './work/proxy.ts'
import { measurePull } from './work/pull.ts'
import { measurePush } from './work/push.ts'
import { measureRetention } from './work/retention.ts'
import { measureSizes } from './work/sizes.ts'
import { measureTags } from './work/tags.ts'
import type { WorkContext } from './work/work-context.ts'
import { openWorkspace } from './workspace.ts'

/** Programs the works need, and the Debian package of each. */
const PARTS: Readonly<Record<string, string>> = {
  'docker-registry': 'docker-registry',
  nginx: 'nginx',
  caddy: 'caddy',
  wrk: 'wrk',
  curl: 'curl',
  openssl: 'openssl',
  htpasswd: 'apache2-utils',
  dd: 'coreutils',
}

const WORK_OF: Readonly<Record<WorkName, (context: WorkContext) => Promise<void>>> = {
  pull: measurePull,
  push: measurePush,
  manifest: measureManifest,
  proxy: measureProxy,
  memory: measureMemory,
  tags: measureTags,
  retention: measureRetention,
  collection: measureCollection,
  adopt: measureAdopt,
  sizes: measureSizes,
}

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args)
    if (options) return await bench(options)
    console.log(USAGE)
    return 0
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`${error.message}\n\n${USAGE}`)
    return 2
  }
}

/** 0 if everything worked, however fast; 1 if a work failed, or a part is missing. */
async function bench(options: BenchOptions): Promise<number> {
  const missing = Object.entries(PARTS).filter(([program]) => findPart(program) === undefined)
  if (missing.length > 0) {
    const names = missing.map(([program, packageName]) => `${program} (Debian package ${packageName})`)
    console.error(`Not installed: ${names.join(', ')}`)
    return 1
  }
  const samples: Sample[] = []
  const failures: string[] = []
  await using workspace = await openWorkspace()
  const machine = await describeMachine(workspace.path)
  console.log(`## Machine\n\n${formatMachine(machine)}\n`)
  const curl = createCurl(workspace)
  const record = (sample: Sample): void => {
    samples.push(sample)
    console.error(describe(sample))
  }
  for (const name of options.works) {
    try {
      await WORK_OF[name]({ workspace, options, curl, record })
    } catch (error) {
      console.error(error)
      failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const verdicts = options.isSmoke ? [] : judge(samples)
  console.log(`## Figures\n\n${formatTables(samples)}\n`)
  if (verdicts.length > 0) console.log(`## Bars\n\n${formatVerdicts(verdicts)}\n`)
  if (options.isSmoke) console.log('A smoke run: it shows that everything works; its figures mean nothing.\n')
  for (const failure of failures) console.log(`FAILED ${failure}`)
  if (options.jsonFile !== undefined) {
    const { works, rounds, isSmoke, sizes } = options
    const raw = { machine, options: { works, rounds, isSmoke, sizes }, samples, verdicts, failures }
    await writeFile(options.jsonFile, `${JSON.stringify(raw, undefined, 1)}\n`)
  }
  return failures.length === 0 ? 0 : 1
}

function describe({ work, server, round, figures }: Sample): string {
  const shown = Object.entries(figures).map(([figure, value]) => `${formatNumber(value)} ${figure}`)
  return `${work} | round ${round + 1} | ${server} | ${shown.join(', ')}`
}
