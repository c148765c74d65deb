import type { StoreRoom } from '../../blobs/blob-store.ts'
import { OciError } from '../../oci/errors.ts'

/** Age from which on the free room is measured anew before an upload, and while one is under way, in milliseconds. */
const MEASURED_EVERY_MS = 250
/** Part of the floor above which manifests are still taken: so the images of layers that came in before are completed. */
const MANIFEST_SHARE = 0.5

/** A disk with room for uploads, or for the database that records them. */
export interface RoomMeter {
  /** Undefined: it has no bounds that are known. */
  measure(): Promise<StoreRoom | undefined>
  /** Bytes of a disk with so many that uploads leave free. */
  floorOf(totalBytes: number): number
  /** True if the bytes of uploads go there. */
  readonly takesUploads: boolean
}

/** The room of one upload; disposed at its end. */
interface RoomShare extends Disposable {
  /** Counts bytes that are about to be written. Errors: `STORAGE_FULL` if they would go below the floor. */
  count(bytes: number): void
}

/**
 * Keeps a part of each disk free of uploads: for the database, for deleting, for what else is on it. Uploads of a known
 * length are refused before their first byte, and count as a whole from then on, so that many at once do not pass the
 * floor together. Those of an unknown length are counted as they come. Each process counts its own; those of others are
 * seen in what is free, a moment later.
 */
export class UploadRoom {
  readonly #disks: readonly Disk[]

  constructor(meters: readonly RoomMeter[], clock: () => number) {
    this.#disks = meters.map((meter) => new Disk(meter, clock))
  }

  /** Begins an upload of so many bytes, or of an unknown number. Errors: `STORAGE_FULL`. */
  async enter(length: number | undefined): Promise<RoomShare> {
    for (const disk of this.#disks) await disk.refresh()
    // No wait from here on: another upload would see the same room.
    for (const disk of this.#disks) disk.require(length ?? 0)
    const takers = this.#disks.filter(({ takesUploads }) => takesUploads)
    for (const disk of takers) disk.promise(length ?? 0)
    let promised = length ?? 0
    return {
      count: (bytes) => {
        const kept = Math.min(promised, bytes)
        promised -= kept
        for (const disk of takers) disk.promise(-kept)
        for (const disk of this.#disks) disk.take(bytes)
      },
      [Symbol.dispose]: () => {
        for (const disk of takers) disk.promise(-promised)
        promised = 0
      },
    }
  }

  /** Refuses a manifest of so many bytes; it may take a part of the floor. Errors: `STORAGE_FULL`. */
  async requireForManifest(bytes: number): Promise<void> {
    for (const disk of this.#disks) {
      await disk.refresh()
      disk.require(bytes, MANIFEST_SHARE)
    }
  }
}

/** The free room of one disk, from the last measurement and what was written since. */
class Disk {
  readonly #meter: RoomMeter
  readonly #clock: () => number
  /** Undefined: not measured, or without bounds. */
  #room: StoreRoom | undefined
  #measuredAt = Number.NEGATIVE_INFINITY
  #measuring: Promise<void> | undefined
  /** Bytes of uploads since the last measurement began. */
  #written = 0
  /** Bytes that uploads under way are still to bring. */
  #promised = 0

  constructor(meter: RoomMeter, clock: () => number) {
    this.#meter = meter
    this.#clock = clock
  }

  get takesUploads(): boolean {
    return this.#meter.takesUploads
  }

  /** Measures if the last time is long ago. A failure leaves the last measurement: the write itself has the error. */
  async refresh(): Promise<void> {
    if (this.#clock() - this.#measuredAt < MEASURED_EVERY_MS) return
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    await this.#measuring
  }

  async #measure(): Promise<void> {
    const before = this.#written
    const measuredAt = this.#clock()
    const room = await this.#meter.measure().catch(() => this.#room)
    this.#room = room
    // Those written meanwhile may be in the measurement or not.
    this.#written -= before
    this.#measuredAt = measuredAt
  }

  promise(bytes: number): void {
    this.#promised += bytes
  }

  /** Counts bytes that come. Errors: `STORAGE_FULL`. */
  take(bytes: number): void {
    if (this.takesUploads) {
      this.#written += bytes
      // An upload that has come so far is not measured against what others are still to bring.
      if (this.#room) this.#refuseBelow(this.#room, { left: this.#free(this.#room), needed: 0, share: 1 })
    }
    if (this.#clock() - this.#measuredAt >= MEASURED_EVERY_MS) void this.refresh()
  }

  /** Errors: `STORAGE_FULL` if so many bytes more would go below the floor. */
  require(bytes: number, share = 1): void {
    if (!this.#room) return
    const needed = this.takesUploads ? bytes : 0
    const left = this.#free(this.#room) - (this.takesUploads ? this.#promised : 0) - needed
    this.#refuseBelow(this.#room, { left, needed, share })
  }

  #free({ freeBytes }: StoreRoom): number {
    return freeBytes - this.#written
  }

  #refuseBelow(
    room: StoreRoom,
    { left, needed, share }: { left: number; needed: number; share: number },
  ): void {
    const floorBytes = Math.floor(this.#meter.floorOf(room.totalBytes) * share)
    if (floorBytes === 0 || left >= floorBytes) return
    throw createFullError({ freeBytes: Math.max(0, this.#free(room)), leftBytes: left, floorBytes, needed })
  }
}

/** The message has the system's own words for a full disk, by which clients and people know it. */
function createFullError(facts: {
  freeBytes: number
  leftBytes: number
  floorBytes: number
  needed: number
}): OciError {
  const { freeBytes, leftBytes, floorBytes, needed } = facts
  const after =
    needed > 0
      ? `, and this upload of ${inMib(needed)}, with those under way, would leave ${inMib(Math.max(0, leftBytes))}`
      : ''
  return new OciError('STORAGE_FULL', {
    message: `The storage of this registry has no space left on device for uploads: ${inMib(freeBytes)} are free${after}, and ${inMib(floorBytes)} are kept free. Nothing was stored; pulls and deletes work. Try again once its operator has freed space`,
    detail: { freeBytes, leftBytes: Math.max(0, leftBytes), floorBytes, neededBytes: needed },
  })
}

function inMib(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`
}
