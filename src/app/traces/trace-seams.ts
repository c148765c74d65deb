import type { BlobStore } from '../../blobs/blob-store.ts'
import type { Database } from '../../database/database.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { Step } from '../../traces/request-trace.ts'
import type { Tracer } from '../../traces/tracer.ts'

/** Names of engines in traces. */
const SYSTEMS = { sqlite: 'sqlite', postgres: 'postgresql' } as const

/** Makes transactions steps of the request they are run for, with the wait for their turn. Single queries are none: they are many and short. */
export function traceDatabase<S>(database: Database<S>, tracer: Tracer): Database<S> {
  const { engine } = database
  const step: Step = {
    name: 'transaction',
    kind: engine === 'postgres' ? 'client' : 'internal',
    attributes: { 'db.system.name': SYSTEMS[engine] },
  }
  return {
    ...database,
    transaction: (work, turn) => tracer.within(step, () => database.transaction(work, turn)),
  }
}

/** Makes reading and writing bytes steps of the request they are done for. */
export function traceBlobs(blobs: BlobStore, tracer: Tracer): BlobStore {
  const within = <R>(operation: string, work: () => Promise<R>, bytes?: number): Promise<R> =>
    tracer.within(
      {
        name: `blob ${operation}`,
        attributes: { 'berth.blob.operation': operation, 'berth.blob.bytes': bytes },
      },
      work,
    )
  const { measureRoom } = blobs
  return {
    stat: (digest) => blobs.stat(digest),
    send: (digest, ranges, sink) => within('read', () => blobs.send(digest, ranges, sink), sumOf(ranges)),
    verify: (digest, options) => blobs.verify(digest, options),
    locate: (digest) => blobs.locate(digest),
    list: (page) => blobs.list(page),
    put: (digest, bytes) => within('put', () => blobs.put(digest, bytes), bytes.length),
    delete: (digest) => within('delete', () => blobs.delete(digest)),
    setAside: (digest) => blobs.setAside(digest),
    dropAside: (digest) => blobs.dropAside(digest),
    beginUpload: (algorithm) => blobs.beginUpload(algorithm),
    append: (id, request) => within('append', () => blobs.append(id, request)),
    canResume: (id, from) => blobs.canResume(id, from),
    commit: (id, from, digest) => within('commit', () => blobs.commit(id, from, digest), from.offset),
    discard: (id) => blobs.discard(id),
    listStale: (before, limit) => blobs.listStale(before, limit),
    ...(measureRoom && { measureRoom: () => measureRoom.call(blobs) }),
    check: () => blobs.check(),
    close: () => blobs.close(),
  }
}

function sumOf(ranges: readonly ByteRange[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0)
}
