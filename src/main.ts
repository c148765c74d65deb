import { hideShownPassword } from './cli/command-line/hide-shown-password.ts'
import { guardProcess } from './cli/process/guard-process.ts'
import { run } from './cli/run.ts'

guardProcess()
hideShownPassword(process)
process.exitCode = await run(process.argv.slice(2))
