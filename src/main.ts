import { guardProcess } from './cli/guard-process.ts'
import { hideShownPassword } from './cli/hide-shown-password.ts'
import { run } from './cli/run.ts'

guardProcess()
hideShownPassword(process)
process.exitCode = await run(process.argv.slice(2))
