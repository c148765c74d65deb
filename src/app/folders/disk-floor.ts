import { statfs } from 'node:fs/promises'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import type { BlobStore, StoreRoom } from '../../blobs/blob-store.ts'
import type { Config } from '../../config/config.ts'
import type { RoomMeter } from '../../registry/push/upload-room.ts'

/** Part of a disk that is kept free of uploads if the setting says nothing, and the most of it, in bytes. */
const DEFAULT_PART = 1 / 20
const DEFAULT_MOST_BYTES = 1024 ** 3

/** Bytes of a disk with so many that uploads leave free. */
export function findFloorBytes({ diskFloor }: Pick<Config, 'diskFloor'>, totalBytes: number): number {
  if (diskFloor === undefined) return Math.min(totalBytes * DEFAULT_PART, DEFAULT_MOST_BYTES)
  return 'bytes' in diskFloor ? diskFloor.bytes : (totalBytes * diskFloor.percent) / 100
}

/** The disks that uploads must not fill: that of the blobs, and that of an SQLite database, if it is another one. */
export function createRoomMeters(
  config: Config,
  { blobs, place }: { blobs: Pick<BlobStore, 'measureRoom'>; place: Pick<BlobPlace, 'sharesDiskWith'> },
): RoomMeter[] {
  const floorOf = (totalBytes: number): number => findFloorBytes(config, totalBytes)
  const meters: RoomMeter[] = []
  if (blobs.measureRoom) {
    const measure = blobs.measureRoom.bind(blobs)
    meters.push({ measure, floorOf, takesUploads: true })
  }
  const hasOwnDisk = !blobs.measureRoom || !place.sharesDiskWith(config.dataDir)
  if (config.database.engine === 'sqlite' && hasOwnDisk) {
    meters.push({ measure: () => measureFolder(config.dataDir), floorOf, takesUploads: false })
  }
  return meters
}

async function measureFolder(folder: string): Promise<StoreRoom> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}
