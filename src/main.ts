import cluster from 'node:cluster'
import { guardProcess } from './cli/guard-process.ts'
import { hideShownPassword } from './cli/hide-shown-password.ts'
import { run } from './cli/run.ts'

/** Longest life of a primary that has stopped, in milliseconds. */
const STOPPED_MS = 1_000

guardProcess()
hideShownPassword(process)
process.exitCode = await run(process.argv.slice(2))
// `node:cluster` may keep the listener of a worker that was killed as it began; nothing else would end this process then.
if (cluster.settings.exec !== undefined) setTimeout(() => process.exit(), STOPPED_MS).unref()
