import { runWorker } from './app/workers/run-worker.ts'
import { guardProcess } from './cli/guard-process.ts'
import { shrinkHeapSoon } from './cli/shrink-heap.ts'

guardProcess()
process.exit(await runWorker({ onServing: shrinkHeapSoon }))
