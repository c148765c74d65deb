import { parentPort, workerData } from 'node:worker_threads'
import type { FoundManifest, TreePart } from '../../link-tree.ts'
import { bytesOf, readTree, type TreeJob } from './read-tree.ts'

/**
 * Parts read ahead: what fills one transaction of the facts, so that a core reads while another one writes; and their bytes of
 * manifests, which one part may exceed.
 */
const MAX_AHEAD = 128
const MAX_AHEAD_BYTES = 32 * 1024 * 1024

/** Message of the thread: a part with the bytes of its manifests, or the end. */
export type TreeMessage = { readonly part: TreePart; readonly bytes: number } | 'end'

let ahead = 0
let aheadBytes = 0
let goOn = (): void => {}

// The other thread has taken a part, of so many bytes.
parentPort?.on('message', (bytes: number) => {
  ahead--
  aheadBytes -= bytes
  goOn()
})
await send(workerData as TreeJob)

async function send(job: TreeJob): Promise<void> {
  for (const part of readTree(job)) {
    while (ahead >= MAX_AHEAD || aheadBytes >= MAX_AHEAD_BYTES)
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
    const bytes = bytesOf(part)
    ahead++
    aheadBytes += bytes
    const { packed, transfer } = pack(part, bytes)
    parentPort?.postMessage({ part: packed, bytes } satisfies TreeMessage, transfer)
  }
  parentPort?.postMessage('end' satisfies TreeMessage)
  parentPort?.close()
}

/** All manifests of a part in one piece of memory, which is handed over instead of copied. */
function pack(part: TreePart, bytes: number): { packed: TreePart; transfer: ArrayBuffer[] } {
  if (part.kind !== 'manifests') return { packed: part, transfer: [] }
  const memory = new Uint8Array(bytes)
  let at = 0
  const found = part.found.map((manifest): FoundManifest => {
    const { content } = manifest
    if (!(content instanceof Uint8Array)) return manifest
    memory.set(content, at)
    at += content.length
    return { ...manifest, content: memory.subarray(at - content.length, at) }
  })
  return { packed: { ...part, found }, transfer: [memory.buffer] }
}
