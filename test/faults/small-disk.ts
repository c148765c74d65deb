import { statfs, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand, runOk } from '../support/run-command.ts'
import { makeTempFolder } from '../support/temp-folder.ts'

/** Why mounts cannot be tested here; false where they can. */
export async function whyNoMounts(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'needs root, to mount a small disk'
  await using folder = await makeTempFolder('probe')
  const { code, stderr } = await runCommand('mount', mountArguments(folder.path, 1))
  if (code !== 0) return `needs mounts, which this machine refuses: ${stderr.trim()}`
  await runOk('umount', [folder.path])
  return false
}

/** A file system in memory that is soon full. */
export class SmallDisk implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Mounts one of so many MiB on a new folder, with room for so many files and folders. */
  static async mount(sizeMib: number, { inodes }: { inodes?: number } = {}): Promise<SmallDisk> {
    const folder = await makeTempFolder('disk')
    await runOk('mount', mountArguments(folder.path, sizeMib, inodes))
    return new SmallDisk(folder.path)
  }

  /** Takes all the room but so many bytes, rounded down to pages. */
  async fill(leftBytes = 0): Promise<void> {
    const { bavail, bsize } = await statfs(this.path)
    await writeFile(this.#ballast, Buffer.alloc(Math.max(0, bavail * bsize - leftBytes)))
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
  }
}

function mountArguments(path: string, sizeMib: number, inodes?: number): string[] {
  const files = inodes === undefined ? '' : `,nr_inodes=${inodes}`
  return ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=0700${files}`, 'berth-test', path]
}
