import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { UploadProgress, UploadStore } from '../../blobs/blob-store.ts'
import type { BlobFacts, UploadFacts, UploadRow } from '../../metadata/metadata.ts'
import { algorithmOf, type Digest, type DigestAlgorithm } from '../../oci/digest.ts'
import { OciError } from '../../oci/errors.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UploadId } from '../../oci/request.ts'
import type { BlobPresence } from '../presence/blob-presence.ts'
import { claimDigest, removedMeanwhile } from './claim-digest.ts'
import { refuseUnfit, roomFor, type UploadBody } from './upload-body.ts'
import { sessionInUse, type UploadTurns } from './upload-locks.ts'
import type { UploadRoom } from './upload-room.ts'

/**
 * Most open upload sessions of one account. A push has a handful; a session is a row, and a file once bytes came, and
 * one account must not fill the database and the folder with them.
 */
export const MAX_OPEN_UPLOADS = 1_000
/**
 * Age from which on an unused session makes room for a new one beyond that bound, in milliseconds: its client ended
 * long ago.
 */
export const ABANDONED_AFTER_MS = 24 * 3_600_000
/** Seconds after which a refused client may try again: pushes end within minutes. */
const RETRY_AFTER_S = 60

/**
 * Longest wait of a repeated last request for the first one that is still at work, in milliseconds. Clients repeat it
 * when the end of a large blob takes longer than they wait, mostly 20 s; the disk may need that long once more.
 */
const FINISH_WAIT_MS = 30_000
/** Time between two checks of a session in use, in milliseconds: short beside a client's patience. */
const LOOK_EVERY_MS = 100

/** Session and its owner: for another repository or account it does not exist (CVE-2026-32589). */
export interface UploadKey {
  readonly id: UploadId
  readonly repository: RepositoryName
  /** Id of the account. */
  readonly owner: string
}

/** State of a session for the client. */
export interface UploadStatus {
  readonly id: UploadId
  readonly repository: RepositoryName
  /** Number of durable bytes. */
  readonly offset: number
}

/** Pushing of blobs: bytes durable before facts. */
export interface PushBlob {
  /** Opens a session. Errors: `TOOMANYREQUESTS` if the account has {@link MAX_OPEN_UPLOADS}, `STORAGE_FULL` below the floor. */
  startUpload(upload: {
    repository: RepositoryName
    owner: string
    algorithm: DigestAlgorithm | undefined
  }): Promise<UploadStatus>
  /** Errors: `BLOB_UPLOAD_UNKNOWN`. */
  getUploadStatus(key: UploadKey): Promise<UploadStatus>
  /**
   * Adds a body to a session; bytes of a client that vanished are kept and counted by {@link getUploadStatus}. Errors:
   * `BLOB_UPLOAD_UNKNOWN`, `RANGE_INVALID`, `SIZE_INVALID`, `REQUEST_TIMEOUT`, `STORAGE_FULL`, `UNAVAILABLE`.
   */
  appendUpload(key: UploadKey, body: UploadBody): Promise<UploadStatus>
  /**
   * Adds the last body, which may be empty, and makes the session a blob of the repository. If the session is gone and
   * the repository holds the blob, it is done already: the client repeats a request whose answer was lost. If the first
   * request is still at work, its end is waited for, {@link FINISH_WAIT_MS} at most. Errors: as {@link appendUpload};
   * `DIGEST_INVALID` if the content has another digest, which ends the session.
   */
  finishUpload(key: UploadKey, digest: Digest, body: UploadBody): Promise<void>
  /** Stores a body that is the whole blob. Errors: as {@link finishUpload}. */
  pushWholeBlob(
    target: { repository: RepositoryName; owner: string; digest: Digest },
    body: UploadBody,
  ): Promise<void>
  /** Ends a session and drops its bytes. Errors: `BLOB_UPLOAD_UNKNOWN`. */
  cancelUpload(key: UploadKey): Promise<void>
}

/** Dependencies of pushing blobs. */
interface PushBlobParts {
  readonly blobs: UploadStore
  readonly metadata: UploadFacts & Pick<BlobFacts, 'relyOnBlob' | 'claimBlob' | 'linkBlob' | 'unlinkBlob'>
  readonly presence: BlobPresence
  readonly uploadTurns: UploadTurns
  readonly room: UploadRoom
  /** Largest blob in bytes; 0: no limit. */
  readonly maxBlobBytes: number
  /** Longest wait for a first request that is still at work, in milliseconds; by default {@link FINISH_WAIT_MS}. */
  readonly finishWaitMs?: number
}

/** Creates the use-cases of pushing blobs. */
export function createPushBlob(parts: PushBlobParts): PushBlob {
  const sessions = new UploadSessions(parts)
  return {
    startUpload: (upload) => sessions.start(upload),
    getUploadStatus: (key) => sessions.status(key),
    appendUpload: (key, body) => sessions.append(key, body),
    finishUpload: (key, digest, body) => sessions.finish(key, digest, body),
    cancelUpload: (key) => sessions.cancel(key),
    async pushWholeBlob({ repository, owner, digest }, body) {
      const { id } = await sessions.begin({ repository, owner, algorithm: algorithmOf(digest) }, digest)
      const key = { id, repository, owner }
      try {
        await sessions.finish(key, digest, body)
      } catch (error) {
        // The client never got this session's address, so it cannot go on with it.
        await sessions.drop(id)
        throw error
      }
    },
  }
}

interface NewUpload {
  readonly repository: RepositoryName
  readonly owner: string
  readonly algorithm: DigestAlgorithm | undefined
}

/** A blob whose bytes are stored, of a session that is to end. */
interface StoredBlob {
  readonly id: UploadId
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly size: number
}

/** Orders the changes of sessions. */
class UploadSessions {
  readonly #blobs: PushBlobParts['blobs']
  readonly #metadata: PushBlobParts['metadata']
  readonly #presence: BlobPresence
  readonly #turns: UploadTurns
  readonly #room: UploadRoom
  readonly #maxBlobBytes: number
  readonly #finishWaitMs: number

  constructor(parts: PushBlobParts) {
    this.#blobs = parts.blobs
    this.#metadata = parts.metadata
    this.#presence = parts.presence
    this.#turns = parts.uploadTurns
    this.#room = parts.room
    this.#maxBlobBytes = parts.maxBlobBytes
    this.#finishWaitMs = parts.finishWaitMs ?? FINISH_WAIT_MS
  }

  /** Begins a session that the client will come back to. */
  async start(upload: NewUpload): Promise<UploadStatus> {
    using _share = await this.#room.enter(undefined)
    const row = this.#toRow(upload)
    const { principal } = row
    if (await this.#metadata.createUpload(row, MAX_OPEN_UPLOADS)) return row
    for (const id of await this.#metadata.listStaleUploads(ABANDONED_AFTER_MS, 1, principal))
      await this.drop(id)
    if (await this.#metadata.createUpload(row, MAX_OPEN_UPLOADS)) return row
    throw new OciError('TOOMANYREQUESTS', {
      message: `This account has ${MAX_OPEN_UPLOADS} uploads open: finish or cancel some, or wait until they are removed`,
      retryAfterS: RETRY_AFTER_S,
    })
  }

  /** Begins a session that the same request ends: their number is bounded by that of transfers. */
  async begin(upload: NewUpload, digest: Digest): Promise<UploadStatus> {
    const row = this.#toRow(upload)
    await this.#metadata.createUpload(row, undefined, digest)
    return row
  }

  async status(key: UploadKey): Promise<UploadStatus> {
    const upload = await this.#find(key)
    const { id, repository, offset } = upload
    if (!(await this.#blobs.canResume(id, upload))) return this.#lost(id)
    return { id, repository, offset }
  }

  async append(key: UploadKey, body: UploadBody): Promise<UploadStatus> {
    await using _turn = await this.#turns.take(key.id)
    const upload = await this.#find(key)
    const { offset } = await this.#store(upload, body, undefined)
    return { id: upload.id, repository: upload.repository, offset }
  }

  async finish(key: UploadKey, digest: Digest, body: UploadBody): Promise<void> {
    const { turn, hasWaited } = await this.#takeWhenFree(key.id)
    await using _turn = turn
    const upload = await this.#findUnlessDone(key, digest)
    if (!upload) return
    // The other request has moved the offset, for which this body no longer fits.
    if (hasWaited && body.length !== 0) throw sessionInUse()
    const stored = body.length === 0 ? upload : await this.#store(upload, body, digest)
    const { id, repository, offset } = stored
    await this.#dropIfDenied(id, () =>
      this.#metadata.requireRoom({ repository, size: offset, digest, upload: id }),
    )
    await claimDigest(this.#metadata, digest)
    const actual = await this.#blobs.commit(id, stored, digest)
    // Awaited here: the turn's return may take a while, during which a failure would be unhandled.
    if (actual === undefined) return await this.#lost(id)
    if (actual !== digest) {
      await this.drop(id)
      throw new OciError('DIGEST_INVALID', { detail: { expected: digest, actual } })
    }
    await this.#dropIfDenied(id, () => this.#link({ id, repository, digest, size: offset }))
  }

  /** The bytes of a session that is denied would count against the quota until it is given up, and can never become a blob. */
  async #dropIfDenied(id: UploadId, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (error instanceof OciError && error.code === 'DENIED') await this.drop(id)
      throw error
    }
  }

  /**
   * Links a blob whose bytes are stored. Content that was new when it was claimed may have been pushed, deleted and
   * removed by others since then, and these bytes with it: they are looked for once the link protects them.
   */
  async #link({ id, repository, digest, size }: StoredBlob): Promise<void> {
    const isLinked = await this.#metadata.linkBlob({ repository, digest, size, upload: id })
    if (isLinked && (await this.#presence.isStored({ digest, size }))) return
    if (isLinked) await this.#metadata.unlinkBlob(repository, digest)
    else await this.drop(id)
    throw removedMeanwhile()
  }

  async cancel(key: UploadKey): Promise<void> {
    const { id } = await this.#find(key)
    await this.drop(id)
  }

  /** Facts first, bytes later. A request still at work on the session finds its row gone and drops its bytes. */
  async drop(id: UploadId): Promise<void> {
    try {
      await this.#metadata.deleteUpload(id)
    } finally {
      // Also if the facts cannot be changed, as on a full disk: a session without its bytes answers 404.
      await this.#blobs.discard(id)
    }
  }

  /** Errors: `RANGE_INVALID` if the session is in use for longer than the wait for it. */
  async #takeWhenFree(id: UploadId): Promise<{ turn: AsyncDisposable; hasWaited: boolean }> {
    const until = performance.now() + this.#finishWaitMs
    for (let hasWaited = false; ; hasWaited = true) {
      try {
        return { turn: await this.#turns.take(id), hasWaited }
      } catch (error) {
        const isInUse = error instanceof OciError && error.code === 'RANGE_INVALID'
        if (!isInUse || performance.now() > until) throw error
      }
      await sleep(LOOK_EVERY_MS)
    }
  }

  #toRow({ repository, owner, algorithm = 'sha256' }: NewUpload): UploadRow {
    const id = randomBytes(16).toString('base64url') as UploadId
    return { id, repository, principal: owner, ...this.#blobs.beginUpload(algorithm) }
  }

  async #find(key: UploadKey): Promise<UploadRow> {
    const upload = await this.#metadata.findUpload(key.id)
    if (upload?.repository === key.repository && upload.principal === key.owner) return upload
    throw new OciError('BLOB_UPLOAD_UNKNOWN')
  }

  /** The session; undefined if it is gone and the repository holds its blob. */
  async #findUnlessDone(key: UploadKey, digest: Digest): Promise<UploadRow | undefined> {
    try {
      return await this.#find(key)
    } catch (error) {
      // Any other failure does not show that the session is gone.
      if (!(error instanceof OciError && error.code === 'BLOB_UPLOAD_UNKNOWN')) throw error
      // The client relies on this answer as on that of a push.
      const blob = await this.#metadata.relyOnBlob(key.repository, digest)
      if (blob && (await this.#presence.isWhole({ digest, size: blob.size }))) return undefined
      throw error
    }
  }

  /**
   * Stores a body after the session's bytes and moves its offset, also when the sender failed half-way. The last body
   * needs no new offset: the session's row goes with the transaction that links the blob. `digest`: of the whole blob, if
   * this body is the last one.
   */
  async #store(upload: UploadRow, body: UploadBody, digest: Digest | undefined): Promise<UploadRow> {
    const { id, repository } = upload
    const isLast = digest !== undefined
    // Of a body of unknown length one byte: it is counted at its end.
    await this.#metadata.requireRoom({ repository, size: body.length ?? 1, digest })
    const maxBlobBytes = this.#maxBlobBytes
    const maxBytes = roomFor(upload, body, maxBlobBytes)
    using share = await this.#room.enter(body.length)
    const progress = new Progress(this.#metadata, upload)
    const appended = await this.#blobs.append(id, {
      from: upload,
      source: body.source,
      release: body.release,
      maxBytes,
      // A crash must not lose all of a long body. The last one ends the session, so it is never continued.
      onDurable: isLast ? undefined : (end) => progress.moveEarly(end),
      beforePart: (bytes) => share.count(bytes),
    })
    if (!appended) return this.#lost(id)
    const { interruption, ...end } = appended
    refuseUnfit(upload, body, { appended, maxBlobBytes })
    if (isLast && !interruption) return { ...upload, ...end }
    if (!(await progress.move(end))) {
      await this.#blobs.discard(id)
      throw new OciError('BLOB_UPLOAD_UNKNOWN')
    }
    // A quota lets content in that the namespace holds, and the bytes of a part that came are not known to be some of it.
    if (isLast) await this.#dropIfDenied(id, () => this.#metadata.requireRoom({ repository, size: 0 }))
    if (interruption === 'stalled') throw new OciError('REQUEST_TIMEOUT')
    if (interruption === 'vanished') {
      throw new OciError('SIZE_INVALID', { message: 'The client went away before the end of the body' })
    }
    return { ...upload, ...end }
  }

  /** The bytes are gone (a crash, a cleaned disk): the session then counts as unknown. */
  async #lost(id: UploadId): Promise<never> {
    await this.drop(id)
    throw new OciError('BLOB_UPLOAD_UNKNOWN')
  }
}

/** The offset of a session while a request adds to it. */
class Progress {
  readonly #metadata: UploadFacts
  readonly #id: UploadId
  /** The offset in the session's row. */
  #offset: number

  constructor(metadata: UploadFacts, { id, offset }: UploadRow) {
    this.#metadata = metadata
    this.#id = id
    this.#offset = offset
  }

  /** False if the session is gone. Errors: those of the facts. */
  async move(end: UploadProgress): Promise<boolean> {
    const isMoved = await this.#metadata.advanceUpload(this.#id, this.#offset, end)
    if (isMoved) this.#offset = end.offset
    return isMoved
  }

  /** As {@link move}; false also if it failed: the end of the body moves the offset, or reports the failure. */
  async moveEarly(end: UploadProgress): Promise<boolean> {
    try {
      return await this.move(end)
    } catch {
      return false
    }
  }
}
