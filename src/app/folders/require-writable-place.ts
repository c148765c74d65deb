import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BlobPlace } from '../../blobs/blob-place.ts'
import { isAbsent } from '../../blobs/storage-fault.ts'
import { toAppError } from '../faults/system-fault.ts'

const WRITABLE = constants.R_OK | constants.W_OK | constants.X_OK

/**
 * Checks, before anything is made, that the folders of the blobs can be written, or be made: a database that was made before
 * that fails would stay behind. Errors: `AppError` of the place `data`.
 */
export async function requireWritablePlace({ folders }: Pick<BlobPlace, 'folders'>): Promise<void> {
  for (const folder of folders) {
    try {
      await access(await findExisting(folder), WRITABLE)
    } catch (error) {
      throw toAppError(error, 'data', folder)
    }
  }
}

/** The folder, or the nearest one above that exists. */
async function findExisting(folder: string): Promise<string> {
  try {
    await access(folder)
    return folder
  } catch (error) {
    if (!isAbsent(error) || dirname(folder) === folder) throw error
    return await findExisting(dirname(folder))
  }
}
