import { runWorker } from './app/workers/run-worker.ts'
import { guardProcess } from './cli/process/guard-process.ts'
import { shrinkHeapSoon } from './cli/process/shrink-heap.ts'

guardProcess()
process.exit(await runWorker({ onServing: shrinkHeapSoon }))
