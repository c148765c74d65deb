import { guardProcess } from './cli/guard-process.ts'
import { run } from './cli/run.ts'

guardProcess()
process.exitCode = await run(process.argv.slice(2))
