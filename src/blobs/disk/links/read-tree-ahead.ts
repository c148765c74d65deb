import { Worker } from 'node:worker_threads'
import type { TreePart } from '../../link-tree.ts'
import type { TreeJob } from './read-tree.ts'
import type { TreeMessage } from './tree-worker.ts'

/** Heap of the thread, in MiB: a few thousand links at a time. */
const HEAP_MIB = 128

/** Reads a whole tree by a thread that is ahead by a bounded number of parts. Errors: those of the thread. */
export async function* readTreeAhead(job: TreeJob): AsyncGenerator<TreePart> {
  const worker = new Worker(WORKER_URL, {
    name: 'links',
    workerData: job,
    // By default it inherits the options of the process, some of which do not work with a file.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  })
  try {
    yield* takeParts(worker)
  } finally {
    await worker.terminate()
  }
}

async function* takeParts(worker: Worker): AsyncGenerator<TreePart> {
  const waiting: TreeMessage[] = []
  let failure: Error | undefined
  let goOn = (): void => {}
  const fail = (error: Error): void => {
    failure ??= error
    goOn()
  }
  worker.on('message', (message: TreeMessage) => {
    waiting.push(message)
    goOn()
  })
  worker.on('error', fail)
  worker.on('exit', (code) => fail(new Error(`The thread that reads links ended with exit code ${code}`)))
  for (;;) {
    const message = waiting.shift()
    if (message === 'end') return
    if (message) {
      worker.postMessage(message.bytes)
      yield message.part
    } else if (failure) throw failure
    else
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
  }
}

const WORKER_URL = new URL(`./tree-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
