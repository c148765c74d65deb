import { type FileHandle, open, stat, statfs, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand, runOk } from '../support/machine/run-command.ts'
import { makeTempFolder, type TempFolder } from '../support/machine/temp-folder.ts'

/** Reason why mounts cannot be tested here; false if they can. */
export async function whyNoMounts(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'needs root, to mount a small disk'
  await using folder = await makeTempFolder('probe')
  const { code, stderr } = await runCommand('mount', mountArguments(folder.path, 1))
  if (code !== 0) return `needs mounts, which this machine refuses: ${stderr.trim()}`
  await runOk('umount', [folder.path])
  return false
}

/** Reason why a file system in a file cannot be mounted here; false if it can. */
export async function whyNoLoopMounts(): Promise<string | false> {
  const why = await whyNoMounts()
  if (why !== false) return why
  try {
    await using _disk = await SmallDisk.mountExt4(4)
    return false
  } catch (error) {
    return `needs ext4 on a loop device: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** A file system that is soon full, by default in memory. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string
  /** Folder of the file of a file system that is not in memory. */
  readonly #image: TempFolder | undefined

  private constructor(path: string, image?: TempFolder) {
    this.path = path
    this.#image = image
  }

  /** Mounts ext4 of so many MiB with blocks of 1 KiB, the smallest, in a file. */
  static async mountExt4(sizeMib: number): Promise<SmallDisk> {
    const image = await makeTempFolder('image')
    const file = join(image.path, 'ext4')
    await writeFile(file, '')
    await truncate(file, sizeMib * 1024 * 1024)
    await runOk('mkfs.ext4', ['-q', '-b', '1024', '-m', '0', file])
    const folder = await makeTempFolder('disk')
    await runOk('mount', ['-o', 'loop', file, folder.path])
    return new SmallDisk(folder.path, image)
  }

  /** Mounts a file system of so many MiB on a new folder, with room for so many files and folders. */
  static async mount(sizeMib: number, { inodes }: { inodes?: number } = {}): Promise<SmallDisk> {
    const folder = await makeTempFolder('disk')
    await runOk('mount', mountArguments(folder.path, sizeMib, inodes))
    return new SmallDisk(folder.path)
  }

  /** Takes all the room but so many bytes, rounded down to pages. */
  async fill(leftBytes = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    try {
      await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)))
    } catch (error) {
      // A server wrote meanwhile: the disk is full all the same.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
  }

  /** Takes every block that a file can get, also where the system keeps some of the free ones for itself. */
  async fillUp(): Promise<void> {
    await using file = await open(this.#ballast, 'a')
    for (const bytes of [65_536, 1024]) {
      const piece = Buffer.alloc(bytes)
      while (await wasWritten(file, piece));
    }
    await file.sync()
  }

  /** Gives so many bytes back. */
  async giveBack(bytes: number): Promise<void> {
    const { size } = await stat(this.#ballast)
    await truncate(this.#ballast, Math.max(0, size - bytes))
  }

  /** Gives the room back. */
  async free(): Promise<void> {
    await unlink(this.#ballast)
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path)
    return bavail * bsize
  }

  async setReadOnly(isReadOnly: boolean): Promise<void> {
    await runOk('mount', ['-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, this.path])
  }

  get #ballast(): string {
    return join(this.path, 'ballast')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runOk('umount', ['--lazy', this.path])
    await runOk('rmdir', [this.path])
    await this.#image?.[Symbol.asyncDispose]()
  }
}

async function wasWritten(file: FileHandle, piece: Buffer): Promise<boolean> {
  return file.write(piece).then(
    ({ bytesWritten }) => bytesWritten === piece.length,
    () => false,
  )
}

function mountArguments(path: string, sizeMib: number, inodes?: number): string[] {
  const files = inodes === undefined ? '' : `,nr_inodes=${inodes}`
  return ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=0700${files}`, 'berth-test', path]
}
